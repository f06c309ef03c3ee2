import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { findLoginPlace, type LoginOptions } from "./login-place.ts";
import { runAtTerminal } from "./run-at-terminal.ts";

/**
 * `signalbox agents logout`: the agent's own program ends the login where it has a word for that, and what is left of it in its
 * home is removed, also where the program is gone.
 */
export async function logOut(context: Context, provider: string, options: LoginOptions): Promise<void> {
  const { output } = context;
  const { AGENT_LOGINS, hasLogin, isLinkFree, removeLogin } = await import("@signalbox/agents/install");
  const place = await findLoginPlace(context, provider, options);
  const { home, argv } = place;
  if (!place.isNamed && !(await isLinkFree(home, provider))) {
    throw new CommandError(`the home ${home} has a link in the place of its login`, { hint: "remove it by hand" });
  }
  const hadLogin = await hasLogin(home, provider);
  const { logout } = AGENT_LOGINS[place.provider];
  // With --json nothing but the result may be printed, which an agent does not know.
  const isAsked = hadLogin && logout !== undefined && argv !== undefined && !output.isJson;
  if (isAsked) {
    const end = await runAtTerminal(context, place, [...argv, ...logout]);
    if (end !== 0) output.note(`${provider} ended with ${end}; its login is removed all the same`);
  }
  await removeLogin(home, place.provider);
  output.result({ provider, home, hadLogin }, () =>
    output.line(hadLogin ? `${provider} is logged out on this machine` : `${provider} was not logged in here`),
  );
  if (hadLogin && !isAsked) output.note("the login was removed here; its provider was not told");
}
