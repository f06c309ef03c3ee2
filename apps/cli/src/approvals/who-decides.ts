import type { DecisionRule } from "@signalbox/protocol";

import { visibleText } from "../text/remote-text.ts";

/** Who may say yes to something, in a line; undefined where nothing is said and whoever has the scope may. */
export function whoDecides({ approvers = [], selfApproval, requesters = [] }: DecisionRule): string | undefined {
  const named = approvers.map(visibleText).join(", ");
  if (selfApproval !== "refused") return named === "" ? undefined : named;
  const asked = requesters.map(({ kind, id }) => (kind === "local" ? "the server itself" : visibleText(id))).join(", ");
  return `${named === "" ? "anybody who may decide" : named}, but not ${asked}, who asked for it`;
}
