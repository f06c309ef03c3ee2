import { stat } from "node:fs/promises";

import type { Context } from "../context.ts";
import { CommandError, usageError } from "../errors.ts";
import { findLoginPlace, programOf, type LoginOptions } from "./login-place.ts";
import { runAtTerminal } from "./run-at-terminal.ts";

/** `signalbox agents login`: a person logs in to their own account, with the agent's own program, in its home on this machine. */
export async function logIn(
  context: Context,
  provider: string,
  more: readonly string[],
  options: LoginOptions,
): Promise<void> {
  const { output, stdin } = context;
  const { AGENT_LOGINS, hasLogin } = await import("@signalbox/agents/install");
  const place = await findLoginPlace(context, provider, options);
  const [program, ...before] = programOf(place);
  if (stdin.isTTY !== true || output.stdout.isTTY !== true || output.isJson) {
    throw usageError("there is no terminal to log in at", "run it in a terminal of the machine that its runner is on");
  }
  await makeHome(context, place);
  const { login } = AGENT_LOGINS[place.provider];
  output.note(`${provider} ${place.version} at home in ${place.home}`);
  if (login.length === 0) output.note("it asks how to log in when it starts; leave it when you have");
  const end = await runAtTerminal(context, place, [program, ...before, ...login, ...more]);
  if (end !== 0) throw new CommandError(`${provider} ended with ${end}`, { code: "AGENT_FAILED" });
  const isLoggedIn = await hasLogin(place.home, place.provider);
  output.line(
    isLoggedIn
      ? `${provider} is logged in; the sessions of your runners on this machine use it`
      : `${provider} left no login in ${place.home}`,
  );
}

async function makeHome({ environment }: Context, place: Awaited<ReturnType<typeof findLoginPlace>>): Promise<void> {
  if (place.isNamed) {
    const isFolder = await stat(place.home).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (!isFolder)
      throw usageError(`agents.json names ${place.home} as the home of ${place.provider}: it is not there`);
    return;
  }
  const { agentHomesDir, ConfigError, openAgentHome } = await import("@signalbox/runner-app");
  try {
    await openAgentHome(agentHomesDir(environment.variables), place.provider);
  } catch (error) {
    if (error instanceof ConfigError)
      throw new CommandError(error.message, { hint: "remove the link, then log in again" });
    throw error;
  }
}
