import type { Client } from "@signalbox/client";
import { PublishOutputsSchema, type Publication } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Act } from "../program.ts";
import { summarize } from "../run-view/summary.ts";
import { watchRun } from "../run-view/watch-run.ts";
import { remoteText } from "../text/remote-text.ts";
import { printStat, tellLeftover } from "./show-diff.ts";

interface Options {
  readonly branch: string;
  readonly title: string;
  readonly body?: string;
  readonly pr?: true;
  readonly target?: string;
  readonly detach?: true;
}

const DETAILS = `
Nothing is pushed before somebody has approved it: \`signalbox approve\` shows what is asked, whole. What is approved is exactly
what is pushed; if the agent changes its workspace before that, the yes is refused, and this must be asked again.
The machine that pushes needs its owner's leave and credential (SIGNALBOX_RUNNER_PUBLISH_FILE); neither is ever sent to the server.
Exit codes: 0 published, 1 failed or denied, 130 left.

Example:
  signalbox session publish ses_… --branch agent/fix-login --title "Fix the login" --pr`;

/** `signalbox session publish`: asks leave to push what the agent changed, and follows what comes of it. */
export function definePublish(command: Command, act: Act): void {
  command
    .argument("<session>", "its id")
    .description("push what the agent changed to a branch, and open a pull request, once somebody has approved it")
    .requiredOption("-b, --branch <name>", "the branch to push to; made if it is not there, never forced")
    .requiredOption("-t, --title <text>", "the first line of the commit, and the title of the pull request")
    .option("--body <text>", "what stands below it")
    .option("--pr", "open a pull request as well")
    .option("--target <branch>", "with --pr: the branch that it is for (default: the repository's default)")
    .option("-d, --detach", "ask, and leave the rest to the server")
    .addHelpText("after", DETAILS)
    .action(act(publish));
}

async function publish(context: Context, sessionId: string, options: Options): Promise<void> {
  const { output } = context;
  const client = await context.client();
  const diff = await client.sessions.diff(sessionId);
  if (!output.isJson) printStat(output, diff);
  if (diff.isLeftover) tellLeftover(output, diff);
  const { branch, title, body, pr, target } = options;
  const asked = await client.sessions.publish(sessionId, {
    branch,
    title,
    openPr: pr === true,
    // What was shown here is what is asked.
    diffHash: diff.diffHash,
    ...(body === undefined ? {} : { body }),
    ...(target === undefined ? {} : { target }),
  });
  if (options.detach) return output.result(asked, () => tellAsked(context, asked));
  if (!output.isJson) tellAsked(context, asked);
  const run = (await client.runs.get(asked.runId)).run;
  const watched = await watchRun(context, { client, run, waitsAtGates: true, onInterrupt: "leave" });
  await summarize(context, client, asked.runId, watched);
  if (watched.end === "succeeded" && !output.isJson) await tellPublished(context, client, asked);
  context.exit(EXIT_CODES[watched.end === "left" ? "interrupted" : watched.end].code);
}

function tellAsked({ output }: Context, { approvalId, branch, remote }: Publication): void {
  output.line(`to ${remoteText(branch)} of ${remoteText(remote)}; it waits for a yes:`);
  output.line(`  signalbox approve ${approvalId}`);
}

async function tellPublished({ output }: Context, client: Client, { runId }: Publication): Promise<void> {
  const { steps } = await client.runs.get(runId);
  const { data } = PublishOutputsSchema.safeParse(steps.find(({ name }) => name === "publish")?.outputs);
  if (!data) return;
  output.line(`${remoteText(data.branch)} is at ${data.commit.slice(0, 12)}`);
  if (data.pullRequest) output.line(remoteText(data.pullRequest.url));
}
