import * as z from "zod";

const text = (): z.ZodString => z.string().max(1_000_000);
const ms = (): z.ZodInt => z.int().min(0).max(86_400_000);
const path = (): z.ZodString => z.string().min(1).max(4_096);

/** What every use of a tool may have. */
const tool = {
  /** Whether it asks before it acts. Default true; not after `allow_always` was answered for a tool of its kind. */
  ask: z.boolean().default(true),
  /** The answers that it offers, as ACP calls them. */
  options: z
    .array(z.enum(["allow_once", "allow_always", "reject_once", "reject_always"]))
    .min(1)
    .default(["allow_once", "allow_always", "reject_once"]),
  /** What is shown of the call. Default: what it does and to what. */
  title: text().optional(),
};

/** Steps that use a tool; in a script each may also have `allow` and `deny`. */
const ToolStepSchema = z.discriminatedUnion("do", [
  /** Writes a file; a relative path is one of its folder. */
  z.strictObject({ do: z.literal("write"), path: path(), text: text(), ...tool }),
  z.strictObject({ do: z.literal("delete"), path: path(), ...tool }),
  /** Runs a program in its folder, with its environment. What the program prints is the output of the tool. */
  z.strictObject({ do: z.literal("run"), argv: z.array(z.string().max(131_072)).min(1).max(1_000), ...tool }),
  /** A tool that does nothing: answers `output`, or fails with it. */
  z.strictObject({
    do: z.literal("tool"),
    kind: z.enum(["read", "edit", "delete", "move", "search", "execute", "think", "fetch", "other"]).default("other"),
    input: z.json().optional(),
    output: text().default(""),
    fails: z.boolean().default(false),
    ...tool,
  }),
]);

/** Asks the user to choose; in a script it may also have `cases`. */
const AskStepSchema = z.strictObject({
  do: z.literal("ask"),
  question: text(),
  options: z.array(z.string().min(1).max(1_000)).min(1).max(50),
});

/** Steps that lead to no others. */
const PlainStepSchema = z.discriminatedUnion("do", [
  // --- what agents do ---
  /** Says a text, a word at a time, `pauseMs` between them. */
  z.strictObject({ do: z.literal("say"), text: text(), pauseMs: ms().default(0) }),
  z.strictObject({ do: z.literal("think"), text: text() }),
  /** Its plan as a whole; replaces the one before. */
  z.strictObject({
    do: z.literal("plan"),
    entries: z.array(
      z.strictObject({ text: text(), status: z.enum(["pending", "in_progress", "completed"]).default("pending") }),
    ),
  }),
  /** Tells what was used, in all since the session began. */
  z.strictObject({
    do: z.literal("usage"),
    inputTokens: z.int().min(0),
    outputTokens: z.int().min(0),
    cachedInputTokens: z.int().min(0).default(0),
    /** US dollars. */
    cost: z.number().min(0).optional(),
    contextTokens: z.int().min(0).default(0),
    contextWindow: z.int().min(1).default(200_000),
  }),
  z.strictObject({ do: z.literal("wait"), ms: ms() }),
  /** Ends the turn as failed, with a JSON-RPC error. */
  z.strictObject({ do: z.literal("fail"), message: text(), code: z.int().default(-32603), data: z.json().optional() }),
  /** Ends the turn, for another reason than that all is done. */
  z.strictObject({ do: z.literal("end"), reason: z.enum(["end_turn", "refusal", "max_tokens", "max_turn_requests"]) }),

  // --- what agents should not do ---
  /** Does nothing for ever; a cancel ends it. */
  z.strictObject({ do: z.literal("hang") }),
  /** From here on a cancel of this turn is not listened to. */
  z.strictObject({ do: z.literal("ignore_cancel") }),
  /** From here on the process goes on when it is asked to end: by TERM, INT or HUP, or by the end of its input. */
  z.strictObject({ do: z.literal("ignore_end") }),
  /** Writes as fast as it is read: words, one line of the protocol, or error output. */
  z.strictObject({
    do: z.literal("flood"),
    bytes: z.int().min(1),
    as: z.enum(["words", "line", "stderr"]).default("words"),
  }),
  /** Prints lines on the protocol stream that are no protocol. */
  z.strictObject({
    do: z.literal("garbage"),
    text: text().default("this is no JSON"),
    lines: z.int().min(1).max(1_000_000).default(1),
  }),
  /** Prints any frame on the protocol stream. */
  z.strictObject({ do: z.literal("frame"), frame: z.json() }),
  /** Prints on its error output. */
  z.strictObject({ do: z.literal("stderr"), text: text() }),
  /** Closes the protocol stream and goes on. */
  z.strictObject({ do: z.literal("close_output") }),
  /** Leaves a process behind, in a session of its own. */
  z.strictObject({
    do: z.literal("stray"),
    /** It ends by itself after this time. */
    forMs: ms().default(60_000),
    ignoresTerm: z.boolean().default(true),
    /** Whether it holds the protocol stream open when the agent has gone. */
    holdsOutput: z.boolean().default(false),
    /** Whether it has no environment, by which it could be recognised. */
    clearsEnvironment: z.boolean().default(false),
    /** A file that its process id is written to. */
    pidFile: path().optional(),
  }),
  /** Ends the process at once: with an exit code, or by a signal that it sends itself. */
  z.strictObject({
    do: z.literal("crash"),
    exitCode: z.int().min(0).max(255).default(1),
    signal: z.enum(["SIGKILL", "SIGSEGV", "SIGABRT"]).optional(),
  }),
]);

/** What comes after a tool was allowed and has ended, and after it was denied. Without: the turn goes on. */
interface Branches<Step> {
  allow: Step[];
  deny: Step[];
}

/** What comes after an answer; without one, it is the case `declined` or `cancelled`. */
interface Cases<Step> {
  cases: Record<string, Step[]>;
}

type Loose<Shape> = { [Key in keyof Shape]?: Shape[Key] | undefined };

/** One thing that the scripted agent does. */
export type ScriptStep =
  | z.infer<typeof PlainStepSchema>
  | (z.infer<typeof ToolStepSchema> & Branches<ScriptStep>)
  | (z.infer<typeof AskStepSchema> & Cases<ScriptStep>);

/** A step as it is written down: what has a default may be left out. */
export type ScriptStepInput =
  | z.input<typeof PlainStepSchema>
  | (z.input<typeof ToolStepSchema> & Loose<Branches<ScriptStepInput>>)
  | (z.input<typeof AskStepSchema> & Loose<Cases<ScriptStepInput>>);

/** The step of one kind. */
export type ScriptStepOf<Kind extends ScriptStep["do"]> = Extract<ScriptStep, { do: Kind }>;

const StepsSchema: z.ZodType<ScriptStep[], ScriptStepInput[]> = z.lazy(() => z.array(ScriptStepSchema).max(1_000));
const branches = { allow: StepsSchema.default([]), deny: StepsSchema.default([]) };
const [write, remove, run, other] = ToolStepSchema.options;

/**
 * One thing that the scripted agent does. In what it says, thinks, writes and asks, `{prompt}` stands for what it was
 * asked, `{turn}` for the number of the prompt in its session (from 1), `{earlier}` for the number of messages before it,
 * `{answer}` for what was last answered to a question, and `{cwd}` for its folder.
 */
export const ScriptStepSchema: z.ZodType<ScriptStep, ScriptStepInput> = z.discriminatedUnion("do", [
  ...PlainStepSchema.options,
  write.extend(branches),
  remove.extend(branches),
  run.extend(branches),
  other.extend(branches),
  AskStepSchema.extend({ cases: z.record(z.string(), StepsSchema).default({}) }),
]);

/** Steps outside a turn, where there is nobody to speak to. */
const OutsideSchema = StepsSchema.default([]).refine(
  (steps) => steps.every((step) => OUTSIDE.has(step.do) && !(step.do === "flood" && step.as === "words")),
  "these steps belong into a turn",
);
const OUTSIDE: ReadonlySet<string> = new Set(
  "wait fail hang ignore_end flood garbage frame stderr close_output stray crash".split(" "),
);

/** What a scripted agent does, as a JSON file holds it. */
export const AgentScriptSchema = z.strictObject({
  /** Played before the agent speaks its protocol. */
  start: OutsideSchema,
  /** Played when a session is opened, before that is answered; `fail` refuses it. */
  open: OutsideSchema,
  /** As `open`, when an earlier session is loaded or resumed. */
  reopen: OutsideSchema,
  /** How an earlier session comes back: with its history told again, without, as the other side likes, or not at all. */
  resume: z.enum(["load", "resume", "both", "none"]).default("both"),
  /**
   * What is played for a prompt: the first turn whose `when` stands in it, else the next of those without `when`; the last
   * of these is repeated.
   */
  turns: z
    .array(z.strictObject({ when: z.string().min(1).optional(), steps: StepsSchema }))
    .min(1)
    .max(1_000),
});
export type AgentScript = z.infer<typeof AgentScriptSchema>;
/** A script as it is written down: what has a default may be left out. */
export type AgentScriptInput = z.input<typeof AgentScriptSchema>;
