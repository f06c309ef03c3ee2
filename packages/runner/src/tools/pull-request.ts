import { PullRequestInputsSchema } from "@signalbox/protocol";

import { safeGitEnvironment } from "../sandbox/safe-git-environment.ts";
import { runGiven } from "./command.ts";
import { proposeChanges, requireShown } from "./propose-changes.ts";
import type { CommandEnd, StepContext, Tool, ToolResult } from "./tool.ts";

/**
 * The tool `pull-request`: the run's changes on a branch of their own, pushed where that is allowed, and then proposed. Where the
 * owner of the machine lets it publish, it does so itself; else the project's command does.
 */
export const runPullRequest: Tool = async (context) => {
  const { envelope } = context.grant;
  if (context.workspace.commit === undefined)
    return { outcome: "skipped", message: "the run has no repository, so there is nothing to propose" };
  const { title = `Changes of ${envelope.runId}`, body = "" } = PullRequestInputsSchema.parse(envelope.inputs);
  const branch = `signalbox/${envelope.runId}`;
  if (context.publisher && !envelope.command) return proposeChanges(context, { branch, title, body });
  if (envelope.changes) await requireShown(context);
  const refusal = await commit(context, branch, title, body);
  if (refusal) return refusal;

  const pushed = await push(context, branch);
  const outputs = { branch, pushed };
  if (!envelope.command) {
    return {
      outcome: "succeeded",
      outputs,
      message: `the changes are on ${branch}; no command that proposes them is configured (commands["pull-request"])`,
    };
  }
  const env = { SIGNALBOX_BRANCH: branch, SIGNALBOX_TITLE: title, SIGNALBOX_BODY: body };
  return { ...(await runGiven(context, envelope.command, env)), outputs };
};

const IDENTITY = {
  GIT_AUTHOR_NAME: "Signalbox",
  GIT_AUTHOR_EMAIL: "signalbox@localhost",
  GIT_COMMITTER_NAME: "Signalbox",
  GIT_COMMITTER_EMAIL: "signalbox@localhost",
};

/** Undefined when the commit is there. */
async function commit(
  context: StepContext,
  branch: string,
  title: string,
  body: string,
): Promise<ToolResult | undefined> {
  const message = body === "" ? title : `${title}\n\n${body}`;
  const commands = [
    ["checkout", "--quiet", "-B", branch],
    ["add", "--all", "--", "."],
    ["commit", "--quiet", "--allow-empty", "--no-verify", `--message=${message}`],
  ];
  for (const args of commands) {
    const { exitCode, stderr } = await git(context, args);
    if (exitCode === 0) continue;
    await context.say(stderr);
    return {
      outcome: "failed",
      reason: "tool_failure",
      message: `git ${args[0]} ended with exit code ${exitCode}`,
      ...(exitCode === null ? {} : { exitCode }),
    };
  }
  return undefined;
}

/** A repository that only the runner may read, or a server that asks for a password, takes nothing; that is no failure. */
async function push(context: StepContext, branch: string): Promise<boolean> {
  const { exitCode, stderr } = await git(context, ["push", "--quiet", "--", "origin", `HEAD:refs/heads/${branch}`]);
  if (exitCode !== 0) await context.say(`signalbox: the branch was not pushed: ${stderr.trim()}\n`);
  return exitCode === 0;
}

function git(context: StepContext, args: readonly string[]): Promise<CommandEnd & { stdout: string; stderr: string }> {
  return context.capture({ argv: ["git", ...args], env: { ...safeGitEnvironment(), ...IDENTITY } });
}
