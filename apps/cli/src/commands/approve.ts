import type { Command } from "commander";

import { defineDecision } from "../gates/decide.ts";
import type { Act } from "../program.ts";

/** `signalbox approve`: says yes at a gate, to exactly what it shows. */
export function define(command: Command, act: Act): void {
  defineDecision(command, act, { verb: "approve", done: "approved" });
}
