import { UnitRefusal } from "../errors.ts";
import { get, run, type Statement, type Unit } from "../unit.ts";

/** How a request is told apart from its own repetition. Keys belong to the principal that sent them. */
export interface Idempotency {
  readonly orgId: string;
  readonly principal: string;
  readonly key: string;
  readonly route: string;
  readonly bodyHash: string;
  readonly expiresAt: number;
}

interface IdempotencyRow {
  readonly route: string;
  readonly body_hash: string;
  readonly answer: string;
  readonly expires_at: number;
}

const SELECT_ANSWER =
  "SELECT route, body_hash, answer, expires_at FROM idempotency WHERE org_id = ? AND principal = ? AND request_key = ?";
const KEEP_ANSWER = `INSERT INTO idempotency (org_id, principal, request_key, route, body_hash, answer, expires_at)
  VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (org_id, principal, request_key) DO UPDATE SET route = excluded.route,
  body_hash = excluded.body_hash, answer = excluded.answer, expires_at = excluded.expires_at`;

/** What a unit answers; marked when it is the answer of an earlier call with the same key, and nothing was done now. */
export type Answer<Result> = Result & { readonly isRepeated?: true };

/**
 * Does a unit's work once for each idempotency key: the answer is kept in the commit of the effect, and a repetition
 * gets it again, marked as repeated. The same key with another request is refused with `IDEMPOTENCY_MISMATCH`. Without a key it just works.
 */
export function* once<
  Args extends { readonly idempotency?: Idempotency | undefined; readonly now: number },
  Result extends object,
>(args: Args, work: Unit<Args, Result>): Generator<Statement, Answer<Result>, unknown> {
  const { idempotency } = args;
  if (!idempotency) return yield* work(args);

  const { orgId, principal, key, route, bodyHash, expiresAt } = idempotency;
  const kept = yield* get<IdempotencyRow>(SELECT_ANSWER, orgId, principal, key);
  if (kept && kept.expires_at > args.now) {
    if (kept.route === route && kept.body_hash === bodyHash)
      return { ...(JSON.parse(kept.answer) as Result), isRepeated: true };
    throw new UnitRefusal("IDEMPOTENCY_MISMATCH", `idempotency key ${key} was used before with another request`, {
      key,
    });
  }
  const result = yield* work(args);
  yield* run(KEEP_ANSWER, orgId, principal, key, route, bodyHash, JSON.stringify(result), expiresAt);
  return result;
}

/** Forgets answers whose time is over, at most `count` at once; returns how many. */
export function* forgetAnswers(args: { now: number; count: number }): Generator<Statement, number, unknown> {
  const { changes } = yield* run(
    `DELETE FROM idempotency WHERE (org_id, principal, request_key) IN
      (SELECT org_id, principal, request_key FROM idempotency WHERE expires_at <= ? LIMIT ?)`,
    args.now,
    args.count,
  );
  return changes;
}
