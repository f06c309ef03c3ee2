import type { AgentEvent, FileChange } from "@signalbox/agents";
import { isAbsolute, relative, resolve } from "node:path";

/** So many are named; a step that writes more is better looked at by its changes. */
const MOST = 1_000;

/** The files of a workspace that an agent's tools wrote, as its calls tell of them. No effects. */
export class WrittenFiles {
  readonly #workspace: string;
  readonly #calls = new Map<string, readonly FileChange[]>();
  readonly #paths = new Set<string>();

  /** `workspace`: the folder as the agent sees it. */
  constructor(workspace: string) {
    this.#workspace = workspace;
  }

  /** Relative to the workspace, in the order in which they were first written. */
  get paths(): readonly string[] {
    return [...this.#paths];
  }

  watch(event: AgentEvent): void {
    if ((event.type === "tool.started" || event.type === "tool.updated") && event.changes)
      this.#calls.set(event.toolCallId, event.changes);
    if (event.type !== "tool.ended") return;
    const changes = this.#calls.get(event.toolCallId) ?? [];
    this.#calls.delete(event.toolCallId);
    if (event.status === "ok") for (const change of changes) this.#note(change);
  }

  #note({ path, change, movedTo }: FileChange): void {
    const from = this.#inside(path);
    if (from !== undefined && (change === "delete" || change === "move")) this.#paths.delete(from);
    const to = change === "move" ? movedTo && this.#inside(movedTo) : from;
    if (to && change !== "delete" && this.#paths.size < MOST) this.#paths.add(to);
  }

  /** Undefined for what is no file of the workspace. */
  #inside(path: string): string | undefined {
    const way = relative(this.#workspace, resolve(this.#workspace, path));
    return way === "" || way === ".." || way.startsWith("../") || isAbsolute(way) ? undefined : way;
  }
}
