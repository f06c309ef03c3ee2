import type { AgentEvent } from "@signalbox/agents";
import { isGap, type Client } from "@signalbox/client";
import type { EventRecord, Session, SessionEventData } from "@signalbox/protocol";

import type { Context } from "../context.ts";
import { count } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";
import { ApprovalDesk } from "./approval-desk.ts";
import { Keyboard } from "./keyboard.ts";
import { SessionView } from "./session-view.ts";

/** Once the session is over, words that are still on their way are waited for this long. */
const LATE_WORDS_MS = 5_000;
const WAITING_QUESTION_MS = 2_000;

/** Shows a session until it has ended, and lets whoever sits at the terminal answer and speak. Undefined: somebody left. */
export async function followSession(context: Context, client: Client, session: Session): Promise<Session | undefined> {
  const leaving = new AbortController();
  using _ = context.interrupts.on(() => leaving.abort());
  const view = new SessionView(context.output);
  const speak = (line: string): void => {
    const doing = desk.isAsking ? desk.answer(line) : say(client, session, line);
    void doing.catch((error: unknown) => view.line(remoteText(error instanceof Error ? error.message : String(error))));
  };
  using keyboard = new Keyboard(context, speak);
  const desk = new ApprovalDesk({ context, client, view, canAnswer: keyboard.isThere });
  if (keyboard.isThere && session.mode === "interactive")
    context.output.note("type to speak to the agent; Ctrl-C leaves, and the session goes on");
  const words = showWords(client, session, view, leaving.signal);
  const asking = askWhyNothingHappens(client, session, view);
  try {
    for await (const item of client.sessions.watch(session.sessionId, { signal: leaving.signal })) {
      if (isGap(item)) view.line(`${count(item.gap.earliest - item.gap.after - 1, "event")} are gone`);
      else await show(item, view, desk);
    }
    await Promise.race([words, timeUp(LATE_WORDS_MS, leaving.signal)]);
    return await client.sessions.get(session.sessionId);
  } catch (error) {
    if (leaving.signal.aborted) return undefined;
    throw error;
  } finally {
    clearInterval(asking);
    leaving.abort();
    await words;
    view.endLine();
  }
}

async function show(event: EventRecord, view: SessionView, desk: ApprovalDesk): Promise<void> {
  view.event(event);
  if (event.type === "approval.requested")
    await desk.asked((event.data as SessionEventData<"approval.requested">).approvalId);
  else if (event.type === "approval.resolved")
    desk.resolved((event.data as SessionEventData<"approval.resolved">).approvalId);
}

async function say(client: Client, { sessionId, mode }: Session, line: string): Promise<void> {
  const text = line.trim();
  if (text !== "" && mode === "interactive") await client.sessions.say(sessionId, { text });
}

/** What the agent says, from its first word on. */
async function showWords(client: Client, session: Session, view: SessionView, signal: AbortSignal): Promise<void> {
  const { AgentEventSchema } = await import("@signalbox/agents");
  const lines = new AgentLines();
  try {
    for await (const chunk of client.runs.watchOutput(session.runId, { step: session.step, stream: "agent", signal })) {
      if (chunk.gap !== undefined) view.line(`[${chunk.length} bytes are lost: ${remoteText(chunk.gap)}]`);
      for (const line of lines.push(chunk.attemptId, chunk.bytes)) {
        const event: AgentEvent | undefined = AgentEventSchema.safeParse(line).data;
        if (event) view.agent(event);
      }
    }
  } catch (error) {
    if (!signal.aborted)
      view.line(`the agent's words cannot be shown: ${remoteText(error instanceof Error ? error.message : "")}`);
  }
}

/** Lines of JSON, of each attempt by itself. One that is none is passed over. */
class AgentLines {
  readonly #rests = new Map<string, { readonly decoder: InstanceType<typeof TextDecoder>; text: string }>();

  push(attemptId: string, bytes: Uint8Array): unknown[] {
    const rest = this.#rests.get(attemptId) ?? { decoder: new TextDecoder(), text: "" };
    this.#rests.set(attemptId, rest);
    const lines = (rest.text + rest.decoder.decode(bytes, { stream: true })).split("\n");
    rest.text = lines.pop() ?? "";
    return lines.flatMap((line) => parse(line));
  }
}

function parse(line: string): unknown[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

/** Where no machine takes the session for a while, the server is asked why, and its words are shown. */
function askWhyNothingHappens(client: Client, session: Session, view: SessionView): NodeJS.Timeout {
  let told = "";
  const ask = async (): Promise<void> => {
    const { state } = await client.sessions.get(session.sessionId);
    const reasons = state === "QUEUED" ? await client.runs.waiting(session.runId) : [];
    const words = reasons.map(({ message }) => remoteText(message)).join("; ");
    if (words !== told && words !== "") view.line(`waits: ${words}`);
    told = words;
  };
  return setInterval(() => void ask().catch(() => undefined), WAITING_QUESTION_MS).unref();
}

function timeUp(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref();
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
