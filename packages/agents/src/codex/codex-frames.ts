import * as z from "zod";

import { CodexTurnErrorSchema } from "./codex-failure.ts";

// What this adapter reads of the app-server's protocol, no more: fields that it does not use may be anything, so that a
// version that adds some is still understood.

const text = z.string().nullish();
const inTurn = { threadId: z.string() };

const FileChangesSchema = z.array(
  z.object({
    path: z.string(),
    kind: z.object({ type: z.string(), move_path: text }),
    diff: z.string(),
  }),
);
export type CodexFileChanges = z.infer<typeof FileChangesSchema>;

/** Items of kinds that this adapter does not know have an id and a type at least. */
export const CodexItemSchema = z.object({
  type: z.string(),
  id: z.string(),
  text,
  command: text,
  cwd: text,
  status: text,
  aggregatedOutput: text,
  exitCode: z.int().nullish(),
  changes: FileChangesSchema.nullish(),
  server: text,
  tool: text,
  arguments: z.unknown().optional(),
  error: z.object({ message: text }).nullish(),
  success: z.boolean().nullish(),
  query: text,
  path: text,
  prompt: text,
});
export type CodexItem = z.infer<typeof CodexItemSchema>;

const BreakdownSchema = z.object({
  inputTokens: z.int(),
  cachedInputTokens: z.int().default(0),
  outputTokens: z.int(),
  reasoningOutputTokens: z.int().default(0),
  totalTokens: z.int().optional(),
});
export type CodexTokens = z.infer<typeof BreakdownSchema>;

/** The notifications that become news. */
export const CODEX_NOTIFICATIONS = {
  "turn/started": z.object({ ...inTurn, turn: z.object({ id: z.string() }) }),
  "turn/completed": z.object({
    ...inTurn,
    turn: z.object({ id: z.string(), status: z.string(), error: CodexTurnErrorSchema.nullish() }),
  }),
  "item/started": z.object({ ...inTurn, item: CodexItemSchema }),
  "item/completed": z.object({ ...inTurn, item: CodexItemSchema }),
  "item/agentMessage/delta": z.object({ ...inTurn, itemId: z.string(), delta: z.string() }),
  "item/reasoning/textDelta": z.object({ ...inTurn, itemId: z.string(), delta: z.string() }),
  "item/reasoning/summaryTextDelta": z.object({ ...inTurn, itemId: z.string(), delta: z.string() }),
  "item/commandExecution/outputDelta": z.object({ ...inTurn, itemId: z.string(), delta: z.string() }),
  "item/fileChange/patchUpdated": z.object({ ...inTurn, itemId: z.string(), changes: FileChangesSchema }),
  "turn/plan/updated": z.object({ ...inTurn, plan: z.array(z.object({ step: z.string(), status: z.string() })) }),
  "turn/diff/updated": z.object({ ...inTurn, diff: z.string() }),
  "serverRequest/resolved": z.object({ ...inTurn, requestId: z.union([z.string(), z.number()]) }),
} as const;

/** `total` counts from the beginning of the thread, also when that was in an earlier process. */
export const TokenUsageSchema = z.object({
  ...inTurn,
  turnId: text,
  tokenUsage: z.object({ total: BreakdownSchema, last: BreakdownSchema, modelContextWindow: z.int().nullish() }),
});

/** A notification of one kind. */
export type CodexNotification<Method extends keyof typeof CODEX_NOTIFICATIONS> = z.infer<
  (typeof CODEX_NOTIFICATIONS)[Method]
>;

/** What is asked before a command runs, or goes to the network, or is typed at. */
export const CommandApprovalSchema = z.object({
  ...inTurn,
  itemId: z.string(),
  kind: text,
  reason: text,
  command: text,
  cwd: text,
  networkApprovalContext: z.looseObject({ host: text }).nullish(),
  /** What it offers, where it says so. */
  availableDecisions: z.array(z.unknown()).nullish(),
});

export const FileChangeApprovalSchema = z.object({ ...inTurn, itemId: z.string(), reason: text, grantRoot: text });

export const PermissionsApprovalSchema = z.object({
  ...inTurn,
  itemId: z.string(),
  reason: text,
  cwd: text,
  permissions: z.record(z.string(), z.unknown()),
});

export const UserInputSchema = z.object({
  ...inTurn,
  itemId: z.string(),
  questions: z.array(
    z.object({
      id: z.string(),
      header: text,
      question: z.string(),
      isOther: z.boolean().default(false),
      options: z.array(z.object({ label: z.string(), description: text })).nullish(),
    }),
  ),
});

/** What `thread/start` and `thread/resume` answer. */
export const ThreadOpenedSchema = z.object({
  thread: z.object({ id: z.string() }),
  model: text,
});

export const InitializedSchema = z.object({ userAgent: text });
export const TurnStartedSchema = z.object({ turn: z.object({ id: z.string() }) });
