import { foldPlugin, PLUGIN_EVENTS, type PluginEventType } from "@signalbox/protocol";

import type { PluginRow } from "../rows.ts";
import { all, type Statement } from "../unit.ts";
import { readLog, type ReadEvent } from "./read-log.ts";
import type { Seen } from "./verify-orphans.ts";
import type { VerifyContext } from "./verify-store.ts";

const PAGE = 200;
const SELECT_PAGE =
  "SELECT id, name, state, manifest_hash, approved_at, last_seq FROM plugins WHERE id > ? ORDER BY id LIMIT ?";

/** Every plugin: its log without holes, its state and manifest those that its events lead to, approved only by one of them. */
export function* verifyPlugins({ findings }: VerifyContext, seen: Seen): Generator<Statement, void, unknown> {
  let after = "";
  for (;;) {
    const rows: PluginRow[] = yield* all<PluginRow>(SELECT_PAGE, after, PAGE);
    for (const { id, name, state, manifest_hash: hash, approved_at: approvedAt, last_seq: lastSeq } of rows) {
      const events: ReadEvent<PluginEventType>[] = [];
      seen.events += yield* readLog({ stream: id, lastSeq, definitions: PLUGIN_EVENTS }, findings, (event) =>
        events.push(event),
      );
      const folded = foldPlugin(events);
      for (const { seq, message } of folded.illegal) findings.problem("move", id, `event ${seq}: ${message}`);
      if (folded.state !== state)
        findings.problem("state", id, `the plugin ${name} is ${state}; its events say ${folded.state}`);
      if (folded.manifestHash !== hash)
        findings.problem(
          "state",
          id,
          `the plugin ${name} has the manifest ${hash}; its events say ${folded.manifestHash}`,
        );
      if ((approvedAt !== null) !== (state === "approved"))
        findings.problem("state", id, `the plugin ${name} is ${state}, approved at ${approvedAt}`);
    }
    seen.plugins += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < PAGE) return;
  }
}
