import type { Approval } from "@signalbox/protocol";
import type { Command } from "commander";

import { ask } from "../ask.ts";
import type { Context } from "../context.ts";
import { CommandError, usageError } from "../errors.ts";
import type { Act } from "../program.ts";
import { showApproval } from "./show-approval.ts";

interface Options {
  readonly reason?: string;
  readonly hash?: string;
  readonly yes?: true;
  readonly forSession?: true;
  readonly answer?: readonly string[];
}

type Verb = "allow" | "deny";

/** The arguments and options of `approvals allow` and `approvals deny`. */
export function defineAnswer(command: Command, act: Act, verb: Verb): void {
  command
    .argument("<approval>", "its id")
    .option("--reason <text>", "why, for the record; an agent that can be told is told")
    .option("--hash <sha256>", "decide only on exactly this content, as it was shown before")
    .option("-y, --yes", "do not ask; needs --hash, so that what is decided on was seen");
  if (verb === "allow") {
    command
      .option("--for-session", "for all like it in this session, where the agent offers that")
      .option("--answer <question=text...>", "an answer to a question of the agent, by its id");
  }
  command
    .addHelpText(
      "after",
      "\nAll of the content is shown first, with nothing hidden. What is sent names its hash: if something else is\nasked by then, nothing is decided.",
    )
    .action(act((context, approvalId: string, options: Options) => answer(context, approvalId, options, verb)));
}

async function answer(context: Context, approvalId: string, options: Options, verb: Verb): Promise<void> {
  if (options.yes && options.hash === undefined) {
    const hint = `run \`signalbox approvals show ${approvalId}\` first to see the content and its hash`;
    throw usageError("--yes needs --hash", hint);
  }
  const client = await context.client();
  const approval = await client.approvals.get(approvalId);
  if (approval.kind === "gate") {
    const name = verb === "allow" ? "approve" : "reject";
    throw usageError(`${approvalId} is a gate of a run`, `decide it with \`signalbox ${name} ${approvalId}\``);
  }
  const answers = readAnswers(approval, options, verb);
  const { checkedHash } = await import("./approval-hash.ts");
  const contentHash = checkedHash(approval, options.hash);
  if (!options.yes) await confirm(context, approval, verb);
  const decided = await client.approvals.resolve(approvalId, {
    decision: verb,
    contentHash,
    scope: options.forSession ? "session" : "once",
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(answers === undefined ? {} : { answers }),
  });
  context.output.result(decided, () => context.output.line(`${approvalId} is ${decided.state}`));
}

async function confirm(context: Context, approval: Approval, verb: Verb): Promise<void> {
  const { output, stdin } = context;
  const { approvalId, contentHash, state } = approval;
  if (!output.isJson) showApproval(context, approval);
  if (output.isJson || stdin.isTTY !== true) {
    const hint = `in a script: signalbox approvals ${verb} ${approvalId} --yes --hash ${contentHash}`;
    throw usageError("there is no terminal to ask at", hint, { contentHash });
  }
  if (state !== "pending")
    throw new CommandError(`approval ${approvalId} is ${state} already`, { code: "INVALID_STATE" });
  const typed = await ask(context, `${verb} this? Type ${verb} to do so: `);
  if (typed.trim().toLowerCase() !== verb) throw new CommandError("nothing was decided", { code: "NOT_CONFIRMED" });
}

/** A question needs an answer to each of its parts; anything else takes none. */
function readAnswers(
  { questions = [] }: Approval,
  { answer: given = [] }: Options,
  verb: Verb,
): Record<string, string[]> | undefined {
  const answers: Record<string, string[]> = {};
  for (const text of given) {
    const at = text.indexOf("=");
    const id = text.slice(0, at);
    if (at < 1 || !questions.some((question) => question.id === id))
      throw usageError(
        `--answer ${text}: there is no such question`,
        `questions: ${questions.map((q) => q.id).join(", ")}`,
      );
    answers[id] = [...(answers[id] ?? []), text.slice(at + 1)];
  }
  const missing = questions.filter(({ id }) => !Object.hasOwn(answers, id));
  if (verb === "allow" && missing.length > 0)
    throw usageError("a question needs an answer", `--answer ${missing.map(({ id }) => `${id}=…`).join(" ")}`);
  return questions.length === 0 || verb === "deny" ? undefined : answers;
}
