import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { client, ndJsonStream } from "@agentclientprotocol/sdk";
import type {
  ClientContext,
  CreateElicitationResponse,
  RequestPermissionRequest,
  RequestPermissionResponse,
  SessionUpdate,
} from "@agentclientprotocol/sdk";
import { tempDir } from "@signalbox/testkit";
import type { TempDir } from "@signalbox/testkit";
import { scriptedAgentArgv } from "../src/scripted-agent/index.ts";
import type { AgentScriptInput } from "../src/scripted-agent/index.ts";

/** The process of an agent. */
export type AgentChild = ChildProcessByStdio<Writable, Readable, Readable>;

type Answer<Value> = (() => Value | Promise<Value>) | undefined;

export interface PlayOptions {
  /** Where the agent works, keeps its sessions and has its home; its owner removes it. Default: one of its own. */
  readonly dir?: TempDir;
  /** How permissions are answered. Default: allowed once. */
  readonly permission?: Answer<RequestPermissionResponse>;
  /** How questions are answered. Default: nobody can be asked. */
  readonly question?: Answer<CreateElicitationResponse>;
}

/** A scripted agent that runs, and a client that has said hello. */
export interface Playing extends AsyncDisposable {
  readonly agent: ClientContext;
  readonly child: AgentChild;
  readonly dir: TempDir;
  readonly updates: readonly SessionUpdate[];
  readonly permissions: readonly RequestPermissionRequest[];
  /** The words of the agent's messages so far. */
  words(): string;
  /** Opens a session in `dir`; answers its id. */
  open(): Promise<string>;
  /** Resolves with how the process ended. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

/** Starts the scripted agent as a process of its own. */
export async function playScript(script: AgentScriptInput | undefined, options: PlayOptions = {}): Promise<Playing> {
  const dir = options.dir ?? (await tempDir());
  const child = await startAgent(script, dir);
  const exited = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  const updates: SessionUpdate[] = [];
  const permissions: RequestPermissionRequest[] = [];
  const { permission = () => ({ outcome: { outcome: "selected", optionId: "allow" } }), question } = options;
  const app = client({ name: "test" })
    .onNotification("session/update", ({ params }) => void updates.push(params.update))
    .onRequest("session/request_permission", ({ params }) => {
      permissions.push(params);
      return permission();
    })
    .onRequest("elicitation/create", () => question?.() ?? { action: "cancel" });
  const output = Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>;
  const connection = app.connect(ndJsonStream(Writable.toWeb(child.stdin), output));
  const { agent } = connection;
  const elicitation = question ? { elicitation: { form: {} } } : {};
  await agent.request("initialize", { protocolVersion: 1, clientCapabilities: elicitation });
  return {
    agent,
    child,
    dir,
    updates,
    permissions,
    exited,
    words: () =>
      updates.map((update) => (update.sessionUpdate === "agent_message_chunk" ? textOf(update) : "")).join(""),
    open: async () => (await agent.request("session/new", { cwd: dir.path, mcpServers: [] })).sessionId,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
      if (!options.dir) await dir[Symbol.asyncDispose]();
    },
  };
}

/** The bare process; `script` is written to a file beside its state. */
export async function startAgent(script: AgentScriptInput | undefined, dir: TempDir): Promise<AgentChild> {
  const file = dir.file(".script.json");
  if (script) await writeFile(file, JSON.stringify(script));
  const [program, ...args] = scriptedAgentArgv({ stateDir: dir.file(".state"), ...(script ? { script: file } : {}) });
  const env = { PATH: process.env["PATH"] ?? "", HOME: dir.path, NODE_COMPILE_CACHE };
  return spawn(program, args, { cwd: dir.path, env, stdio: ["pipe", "pipe", "pipe"] });
}

/** As the apps have it: what is compiled once is not compiled again at each of dozens of starts. */
const NODE_COMPILE_CACHE = join(tmpdir(), "node-compile-cache");

function textOf(update: SessionUpdate): string {
  return "content" in update && !Array.isArray(update.content) && update.content?.type === "text"
    ? update.content.text
    : "";
}
