import type { Approval } from "@signalbox/protocol";

import type { Context } from "../context.ts";
import { count, until } from "../text/format.ts";
import { visibleJson, visibleText } from "../text/remote-text.ts";
import { budgetAsked } from "./budget-asked.ts";
import { whoDecides } from "./who-decides.ts";

/** Prints all that an approval lets happen, with nothing left out and nothing hidden, and the hash that an answer names. */
export function showApproval({ output, now }: Context, approval: Approval): void {
  const { approvalId, sessionId, runId, kind, action, description, context, questions, state, contentHash } = approval;
  const { bold, dim, yellow } = output.colors;
  const whose = sessionId === undefined ? `run ${visibleText(runId ?? "")}` : `session ${visibleText(sessionId)}`;
  output.line(`${bold("approval")} ${visibleText(approvalId)} of ${whose}`);
  output.line(
    `${dim("state    ")}${state}${state === "pending" ? `, expires ${until(approval.expiresAt, now())}` : ""}`,
  );
  output.line(`${dim("kind     ")}${kind}: ${visibleText(action)}`);
  output.line(`${dim("asks     ")}${indented(visibleText(description))}`);
  const used = budgetAsked(approval);
  if (used !== undefined) output.line(`${dim("used     ")}${used}`);
  if (approval.lapsed !== undefined)
    output.line(yellow(`this yes does not count any more: ${visibleText(approval.lapsed)}`));
  const deciders = whoDecides(approval);
  if (deciders !== undefined) output.line(`${dim("for      ")}${deciders}`);
  const shown = questions === undefined ? context : { context, questions };
  if (Object.keys(shown).length > 0) {
    output.line();
    output.line(visibleJson(shown));
  }
  output.line();
  output.line(`${dim("length   ")}${count(JSON.stringify({ action, description, ...shown }).length, "character")}`);
  output.line(`${dim("hash     ")}${visibleText(contentHash)}`);
  if (hasHidden([action, description, shown]))
    output.line(yellow("some characters cannot be seen; they stand as \\u{…} above"));
  output.line();
}

function indented(text: string): string {
  return text.split("\n").join(`\n${" ".repeat(9)}`);
}

/** What JSON escapes by itself, such as line breaks, is no surprise. */
function hasHidden(content: unknown): boolean {
  return visibleJson(content) !== JSON.stringify(content, undefined, 2);
}
