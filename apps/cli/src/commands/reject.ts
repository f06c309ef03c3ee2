import type { Command } from "commander";

import { defineDecision } from "../gates/decide.ts";
import type { Act } from "../program.ts";

/** `signalbox reject`: says no at a gate. */
export function define(command: Command, act: Act): void {
  defineDecision(command, act, { verb: "reject", done: "rejected" });
}
