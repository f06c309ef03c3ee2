interface LimitRow {
  readonly value: number;
  readonly unit: "bytes" | "ms" | "count" | "characters";
  readonly meaning: string;
}

/** Every limit and default duration of an agent session, one row each. A session can be started with other values. */
export const AGENT_LIMITS = {
  "line.bytes": {
    value: 16_777_216,
    unit: "bytes",
    meaning: "one line of an agent's protocol; a longer one is skipped",
  },
  "line.garbage": { value: 100, unit: "count", meaning: "lines that are no protocol before the session is ended" },
  "write.bytes": { value: 4_194_304, unit: "bytes", meaning: "what an agent may leave unread before it is not heard" },
  "stderr.bytes": { value: 65_536, unit: "bytes", meaning: "the end of an agent's error output that is kept" },
  "queue.events": {
    value: 1_000,
    unit: "count",
    meaning: "events that wait for their reader before the agent is held",
  },
  "queue.bytes": { value: 8_388_608, unit: "bytes", meaning: "what those events may weigh as they came" },
  "loop.shareMs": {
    value: 5,
    unit: "ms",
    meaning: "of one turn of the event loop for what all agents of a process say",
  },
  "handshake.timeoutMs": {
    value: 30_000,
    unit: "ms",
    meaning: "from the start of a process to a session that is ready",
  },
  "call.timeoutMs": { value: 30_000, unit: "ms", meaning: "for an agent to take a call that it answers at once" },
  "load.quietMs": { value: 250, unit: "ms", meaning: "the pause that ends the telling of an earlier conversation" },
  "interrupt.graceMs": { value: 10_000, unit: "ms", meaning: "for an agent to end its turn before it is ended itself" },
  "close.inputMs": { value: 2_000, unit: "ms", meaning: "for an idle agent to end when its input does" },
  "close.graceMs": { value: 5_000, unit: "ms", meaning: "default between the polite signal and the kill" },
  "exit.drainMs": { value: 2_000, unit: "ms", meaning: "how long output may still come from a process that has ended" },
  "kill.deadlineMs": { value: 2_000, unit: "ms", meaning: "how long to go on looking for processes to kill" },
  "remote.retries": { value: 4, unit: "count", meaning: "tries of a call to a service after the first" },
  "remote.retryMs": {
    value: 250,
    unit: "ms",
    meaning: "the pause before the first of them; each next is twice as long",
  },
  "remote.pauseMs": {
    value: 10_000,
    unit: "ms",
    meaning: "the longest pause before a broken event stream is opened again",
  },
  "remote.outageMs": { value: 120_000, unit: "ms", meaning: "how long it may stay broken before the session is ended" },
  "remote.silenceMs": {
    value: 75_000,
    unit: "ms",
    meaning: "how long an event stream may say nothing; Omnara's says something every 25 seconds",
  },
  "remote.lookMs": { value: 10_000, unit: "ms", meaning: "between looks for questions that were not announced" },
  "requests.open": { value: 64, unit: "count", meaning: "approvals and questions open at once; more are refused" },
  "requests.turn": { value: 1_000, unit: "count", meaning: "approvals and questions of one turn; more are refused" },
  "tools.open": { value: 1_000, unit: "count", meaning: "tool calls open at once; the oldest is closed for another" },
  "tools.remembered": { value: 10_000, unit: "count", meaning: "ended tool calls whose late news is still dropped" },
  "prompt.length": { value: 200_000, unit: "characters", meaning: "one prompt, less what is put before it" },
  "instructions.length": { value: 30_000, unit: "characters", meaning: "the instructions of a start" },
  "answer.length": {
    value: 100_000,
    unit: "characters",
    meaning: "one answer to a question, or the reason of a denial",
  },
  "message.length": { value: 262_144, unit: "characters", meaning: "what `message.done` repeats of a message" },
  "output.length": { value: 262_144, unit: "characters", meaning: "output of a tool in one event; its end is kept" },
  "transcript.length": { value: 40_000, unit: "characters", meaning: "what a bootstrap prompt tells of earlier turns" },
  "transcript.entryLength": { value: 4_000, unit: "characters", meaning: "one message in a bootstrap prompt" },
} as const satisfies Record<string, LimitRow>;

/** A row of `AGENT_LIMITS`. */
export type AgentLimit = keyof typeof AGENT_LIMITS;

/** The values in force in a session. */
export type AgentLimits = { readonly [Name in AgentLimit]: number };

/** The limits with some of them changed. Refuses with a RangeError what is not a positive whole number. */
export function agentLimits(overrides: Partial<AgentLimits> = {}): AgentLimits {
  const limits: Record<string, number> = {};
  for (const [name, row] of Object.entries(AGENT_LIMITS)) limits[name] = row.value;
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(limits, name)) throw new RangeError(`there is no limit ${name}`);
    if (!Number.isSafeInteger(value) || value <= 0) throw new RangeError(`limit ${name} cannot be ${value}`);
    limits[name] = value;
  }
  // The keys are those of AGENT_LIMITS.
  return limits as AgentLimits;
}
