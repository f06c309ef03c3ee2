import type { Migration } from "../migration.ts";
import { runs } from "./0001-runs.ts";
import { plugins } from "./0002-plugins.ts";
import { sessions } from "./0003-sessions.ts";
import { webhooks } from "./0004-webhooks.ts";
import { runLedgers } from "./0005-run-ledgers.ts";
import { approvalPolicy } from "./0006-approval-policy.ts";

/** Every migration, in order. One that has been released is never changed; another is added. */
export const migrations: readonly Migration[] = [runs, plugins, sessions, webhooks, runLedgers, approvalPolicy];
