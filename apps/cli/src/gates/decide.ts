import type { Gate } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import { CommandError, usageError } from "../errors.ts";
import type { Act } from "../program.ts";
import { ask } from "../ask.ts";
import { showGate } from "./show-gate.ts";

interface Options {
  readonly note?: string;
  readonly hash?: string;
  readonly yes?: true;
}

interface Decision {
  readonly verb: "approve" | "reject";
  readonly done: string;
}

/** The arguments and options of `approve` and `reject`, which differ in nothing else. */
export function defineDecision(command: Command, act: Act, decision: Decision): void {
  command
    .argument("<gate>", "its id")
    .option("--note <text>", "why, for the record")
    .option("--hash <sha256>", "decide only on exactly this content, as it was shown before")
    .option("-y, --yes", "do not ask; needs --hash, so that what is decided on was seen")
    .addHelpText(
      "after",
      "\nThe whole content of the gate is shown first, with nothing hidden. What is sent names its hash: if the\ngate asks something else by then, nothing is decided.",
    )
    .action(act((context, gateId: string, options: Options) => decide(context, gateId, options, decision)));
}

async function decide(context: Context, gateId: string, options: Options, { verb, done }: Decision): Promise<void> {
  if (options.yes && options.hash === undefined) {
    throw usageError("--yes needs --hash", `run \`signalbox ${verb} ${gateId}\` first to see the content and its hash`);
  }
  const client = await context.client();
  const gate = await client.gates.get(gateId);
  const contentHash = await checkContent(gate, options.hash);
  if (!options.yes) await confirm(context, gate, contentHash, verb);
  const request = { contentHash, ...(options.note === undefined ? {} : { note: options.note }) };
  const decided = await client.gates[verb](gateId, request);
  context.output.result(decided, () => context.output.line(`${gate.id} is ${done}`));
}

/** The hash of what was fetched, computed here: a server that shows one thing and hashes another is caught. */
async function checkContent(gate: Gate, expected: string | undefined): Promise<string> {
  const { hashGateContent } = await import("@signalbox/protocol/hash");
  const contentHash = hashGateContent(gate.content);
  const isSame = contentHash === gate.contentHash && (expected === undefined || expected === contentHash);
  if (isSame) return contentHash;
  throw new CommandError(
    `gate ${gate.id} does not ask what it was expected to ask (its content has the hash ${contentHash})`,
    {
      code: "CONTENT_CHANGED",
      hint: "nothing was decided; look at the gate again",
      details: { contentHash, expected: expected ?? gate.contentHash },
    },
  );
}

async function confirm(context: Context, gate: Gate, contentHash: string, verb: Decision["verb"]): Promise<void> {
  const { output, stdin } = context;
  if (output.isJson || stdin.isTTY !== true) {
    const hint = `in a script: signalbox ${verb} ${gate.id} --yes --hash ${contentHash}`;
    if (!output.isJson) showGate(context, gate, contentHash);
    throw usageError("there is no terminal to ask at", hint, { contentHash });
  }
  showGate(context, gate, contentHash);
  if (gate.status !== "pending")
    throw new CommandError(`gate ${gate.id} is ${gate.status} already`, { code: "INVALID_STATE" });
  const answer = await ask(context, `${verb} this? Type ${verb} to do so: `);
  if (answer.trim().toLowerCase() !== verb) throw new CommandError("nothing was decided", { code: "NOT_CONFIRMED" });
}
