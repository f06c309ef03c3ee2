import type { Command } from "commander";

import { defineNew } from "../sessions/new-session.ts";
import { defineDiff } from "../sessions/show-diff.ts";
import { definePublications } from "../sessions/list-publications.ts";
import { definePublish } from "../sessions/publish-session.ts";
import { defineShow } from "../sessions/show-session.ts";
import { watchAndTell } from "../sessions/watch-and-tell.ts";
import type { Context } from "../context.ts";
import type { Act } from "../program.ts";

/** `signalbox session`: one agent at work, and everything that can be said to it. */
export function define(command: Command, act: Act): void {
  command.usage("[options] <command>");
  defineNew(command.command("new"), act);
  defineShow(command.command("show"), act);
  defineDiff(command.command("diff"), act);
  definePublish(command.command("publish"), act);
  definePublications(command.command("publications"), act);
  command
    .command("watch")
    .argument("<session>", "its id")
    .description("follow a session from its beginning, and answer what it asks; Ctrl-C leaves it running")
    .action(act(watch));
  command
    .command("say")
    .argument("<session>", "its id")
    .argument("<words...>", "what to say")
    .option("--steer", "into the turn that goes on, instead of after it")
    .description("say something to the agent")
    .action(act(say));
  command
    .command("stop")
    .argument("<session>", "its id")
    .option("--reason <text>", "why, for the record")
    .description("end a session: in good order when its agent has nothing to do, else by stopping it")
    .action(act(stop));
  for (const [verb, description] of Object.entries(VERBS)) {
    command
      .command(verb)
      .argument("<session>", "its id")
      .description(description)
      .action(act((context, sessionId: string) => change(context, sessionId, verb as keyof typeof VERBS)));
  }
}

const VERBS = {
  interrupt: "stop the turn that goes on; the session stays",
  pause: "interrupt the turn, and say nothing to the agent until the session is resumed",
  resume: "let a paused session go on where it was",
};

async function watch(context: Context, sessionId: string): Promise<void> {
  const client = await context.client();
  await watchAndTell(context, client, await client.sessions.get(sessionId));
}

async function say(
  { client, output }: Context,
  sessionId: string,
  words: readonly string[],
  { steer }: { readonly steer?: true },
): Promise<void> {
  const request = { text: words.join(" "), delivery: steer ? ("steer" as const) : ("queue" as const) };
  const session = await (await client()).sessions.say(sessionId, request);
  const isWaiting = session.queue.some(({ inputId }) => inputId === session.inputId);
  output.result(session, () =>
    output.line(`${session.inputId} ${isWaiting ? "waits for the agent to be done" : "is on its way to the agent"}`),
  );
}

async function stop(
  { client, output }: Context,
  sessionId: string,
  { reason }: { readonly reason?: string },
): Promise<void> {
  const session = await (await client()).sessions.stop(sessionId, reason === undefined ? {} : { reason });
  const isOver = session.endedAt !== undefined;
  output.result(session, () =>
    output.line(`${sessionId} is ${isOver ? session.state.toLowerCase() : "being stopped"}`),
  );
}

async function change({ client, output }: Context, sessionId: string, verb: keyof typeof VERBS): Promise<void> {
  const session = await (await client()).sessions[verb](sessionId);
  output.result(session, () => output.line(`${sessionId}: ${session.state.toLowerCase()}`));
}
