import type { OpenSession } from "@signalbox/client";
import { Option, type Command } from "commander";

import { addBudgetOptions, readBudget, type BudgetOptions } from "../budget-options.ts";
import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";
import type { Act } from "../program.ts";
import { readLabels } from "../read-labels.ts";
import { readMilliseconds } from "../read-milliseconds.ts";
import { remoteText } from "../text/remote-text.ts";
import { watchAndTell } from "./watch-and-tell.ts";

interface Options extends BudgetOptions {
  readonly provider: string;
  readonly repo?: string;
  readonly branch?: string;
  readonly project?: string;
  readonly model?: string;
  readonly interactive?: true;
  readonly permissions?: "ask" | "edits" | "all";
  readonly title?: string;
  readonly label: readonly string[];
  readonly timeout?: number;
  readonly approvalTimeout?: number;
  readonly forkOf?: string;
  readonly terminal: boolean;
  readonly detach?: true;
}

/** Until somebody attaches; then it has the size of theirs. */
const TERMINAL = { columns: 80, rows: 24 };

const DETAILS = `
What the agent asks for is shown whole; at a terminal, y or n and Enter answers it, and any other client may.
\`signalbox attach <session>\` opens a shell beside the agent, in its workspace.
Ctrl-C leaves: the session goes on, and \`signalbox session watch\` comes back to it.
Exit codes: 0 completed, 1 failed, 3 stopped by somebody, 130 left.

Examples:
  signalbox session new --provider claude_code --repo . "Fix the failing test"
  signalbox session new --provider codex --repo . --interactive "Look around, and tell me what this is"`;

/** `signalbox session new`: opens a session and follows it. */
export function defineNew(command: Command, act: Act): void {
  addBudgetOptions(command, "it uses")
    .argument("<task...>", "what the agent should do")
    .description("open a session with an agent, and follow it")
    .requiredOption("-p, --provider <name>", "the agent: codex, claude_code, gemini_cli, scripted or acp:<name>")
    .option("-r, --repo <path|url>", "the repository to work on; a folder of this machine, or a URL")
    .option("-b, --branch <name>", "with --repo: the branch to begin from")
    .option("--project <id>", "the project that the session belongs to (default: default)")
    .option("-m, --model <name>", "the model that the agent should use")
    .option("-i, --interactive", "stay open for more words after the task, until it is stopped")
    .addOption(
      new Option("--permissions <mode>", "what the agent may do without asking (default: ask)").choices([
        "ask",
        "edits",
        "all",
      ]),
    )
    .option("--title <text>", "what to call the session")
    .option("-l, --label <name=value>", "a label that the machine must have; may be repeated", collect, [])
    .option("--timeout <time>", "ends the session after this time, such as 15m or 2h", readMilliseconds)
    .option("--approval-timeout <time>", "what is not answered by then is a no", readMilliseconds)
    .option("--fork-of <session>", "begin from the workspace of this session")
    .option("--no-terminal", "no shell beside the agent for `signalbox attach`")
    .option("-d, --detach", "print the session's id and leave it to the server")
    .addHelpText("after", DETAILS)
    .action(act(openSession));
}

async function openSession(context: Context, task: readonly string[], options: Options): Promise<void> {
  const { output } = context;
  const request = await readRequest(context, task.join(" "), options);
  const client = await context.client();
  const session = await client.sessions.create(request);
  if (options.detach) {
    return output.result(session, () => {
      output.line(session.sessionId);
      output.note(`follow it with \`signalbox session watch ${session.sessionId}\``);
    });
  }
  output.note(`${session.sessionId}: ${remoteText(session.title)}`);
  await watchAndTell(context, client, session);
}

async function readRequest({ cwd }: Context, task: string, options: Options): Promise<OpenSession> {
  const { repo, branch, label, timeout, approvalTimeout } = options;
  if (branch !== undefined && repo === undefined) throw usageError("--branch goes with --repo only");
  const { readRepository } = await import("../repo-argument.ts");
  return {
    // The server says what is wrong with a name that it does not know.
    providerId: options.provider as OpenSession["providerId"],
    task,
    mode: options.interactive ? "interactive" : "task",
    ...(options.terminal ? { terminal: TERMINAL } : {}),
    ...(repo === undefined ? {} : { repo: await readRepository(repo, branch, cwd) }),
    ...(options.project === undefined ? {} : { projectId: options.project }),
    ...(options.model === undefined ? {} : { model: options.model }),
    ...(options.permissions === undefined ? {} : { permissions: options.permissions }),
    ...(options.title === undefined ? {} : { title: options.title }),
    ...(options.forkOf === undefined ? {} : { forkOf: options.forkOf }),
    ...readBudget(options),
    ...(label.length === 0 ? {} : { requires: { labels: readLabels(label) } }),
    ...(timeout === undefined ? {} : { timeoutMinutes: timeout / 60_000 }),
    ...(approvalTimeout === undefined ? {} : { approvalTimeoutMinutes: approvalTimeout / 60_000 }),
  };
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
