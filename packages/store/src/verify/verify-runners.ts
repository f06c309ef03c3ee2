import { foldRunner, RUNNER_EVENTS, type RunnerEventType } from "@signalbox/protocol";

import type { RunnerRow } from "../rows.ts";
import { all, type Statement } from "../unit.ts";
import { readLog, type ReadEvent } from "./read-log.ts";
import type { Seen } from "./verify-orphans.ts";
import type { VerifyContext } from "./verify-store.ts";

const PAGE = 200;
const SELECT_PAGE = "SELECT id, state, last_seq, retired_at FROM runners WHERE id > ? ORDER BY id LIMIT ?";

/** Every runner: its log without holes, and its state the one that its events lead to. */
export function* verifyRunners({ findings }: VerifyContext, seen: Seen): Generator<Statement, void, unknown> {
  let after = "";
  for (;;) {
    const rows: RunnerRow[] = yield* all<RunnerRow>(SELECT_PAGE, after, PAGE);
    for (const { id, state, last_seq: lastSeq, retired_at: retiredAt } of rows) {
      const events: ReadEvent<RunnerEventType>[] = [];
      seen.events += yield* readLog({ stream: id, lastSeq, definitions: RUNNER_EVENTS }, findings, (event) =>
        events.push(event),
      );
      const folded = foldRunner(events);
      for (const { seq, message } of folded.illegal) findings.problem("move", id, `event ${seq}: ${message}`);
      if (folded.state !== state)
        findings.problem("state", id, `the runner is ${state}; its events say ${folded.state}`);
      if ((retiredAt !== null) !== (state === "retired"))
        findings.problem("state", id, `the runner is ${state}, retired at ${retiredAt}`);
    }
    seen.runners += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < PAGE) return;
  }
}
