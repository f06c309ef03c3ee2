import type { Gate } from "@signalbox/protocol";

import { whoDecides } from "../approvals/who-decides.ts";
import type { Context } from "../context.ts";
import { count, until } from "../text/format.ts";
import { visibleJson, visibleText } from "../text/remote-text.ts";

/** Prints all that a gate asks, with nothing left out and nothing hidden, and the hash that a decision names. */
export function showGate({ output, now }: Context, gate: Gate, contentHash: string): void {
  const { content } = gate;
  const { bold, dim, yellow } = output.colors;
  output.line(
    `${bold("gate")} ${visibleText(gate.id)} of run ${visibleText(content.runId)}, project ${visibleText(content.projectId)}`,
  );
  output.line(
    `${dim("state    ")}${gate.status}${gate.status === "pending" ? `, expires ${until(gate.expiresAt, now())}` : ""}`,
  );
  output.line(`${dim("question ")}${indented(visibleText(content.description))}`);
  if (content.again !== undefined) output.line(`${dim("again    ")}${visibleText(content.again)}`);
  const deciders = whoDecides(content);
  if (deciders !== undefined) output.line(`${dim("for      ")}${deciders}`);
  if (content.changes) {
    const { files, added, removed } = content.changes.stats;
    output.line(`${dim("changes  ")}${count(files, "file")} (+${added} -${removed})`);
    output.line(`${dim("whole    ")}signalbox gates diff ${visibleText(gate.id)}`);
  }
  output.line();
  const names = content.guards.map((guard) => `"${visibleText(String(guard["name"]))}"`).join(", ");
  output.line(
    content.guards.length === 0
      ? "no step waits behind it"
      : `${count(content.guards.length, "step")} will run: ${names}`,
  );
  output.line();
  output.line(visibleJson(content));
  output.line();
  output.line(`${dim("length   ")}${count(JSON.stringify(content).length, "character")}`);
  output.line(`${dim("hash     ")}${contentHash}`);
  if (hasHidden(content)) output.line(yellow("some characters cannot be seen; they stand as \\u{…} above"));
  output.line();
}

function indented(text: string): string {
  return text.split("\n").join(`\n${" ".repeat(9)}`);
}

/** What JSON escapes by itself, such as line breaks, is no surprise. */
function hasHidden(content: unknown): boolean {
  return visibleJson(content) !== JSON.stringify(content, undefined, 2);
}
