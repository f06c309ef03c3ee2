import { describe, expect, it } from "vitest";

import { fakeApi } from "./_support/fake-api.ts";
import { COMMANDS, HOSTILE, HOSTILE_ROUTES } from "./_support/hostile-answers.ts";
import { signalbox } from "./_support/run-signalbox.ts";
import { hasScript, openTerminal } from "./_support/terminal.ts";

// oxlint-disable-next-line no-control-regex -- control characters are what must not be there
const ORDER = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

describe("what others have written", () => {
  it.each(COMMANDS)("gives a terminal no orders: signalbox %s", async (line) => {
    await using api = await fakeApi(HOSTILE_ROUTES);

    const { stdout, stderr } = await signalbox([...line.split(" "), "--server", api.url]);

    const printed = stdout + stderr;
    expect(printed).not.toMatch(/^$|not what this version|unexpected went wrong/);
    expect(printed.split("\n").filter((one) => ORDER.test(one))).toEqual([]);
  });

  it.each(["session show ses_1.0", "sessions", "approvals show apr_1", "runs show run_1", "session watch ses_1.0"])(
    "is exact as JSON, and gives no orders there either: signalbox %s --json",
    async (line) => {
      await using api = await fakeApi(HOSTILE_ROUTES);

      const { stdout } = await signalbox([...line.split(" "), "--json", "--server", api.url]);

      expect(stdout).not.toMatch(ORDER);
      const documents = stdout
        .trimEnd()
        .split("\n")
        .map((one) => JSON.parse(one) as unknown);
      expect(JSON.stringify(documents)).toContain(JSON.stringify(HOSTILE).slice(1, -1));
    },
  );

  // The screen fails on any order that the command line itself does not use.
  it
    .runIf(hasScript)
    .each(["run --command make", "session watch ses_1.0", "logs run_1", "approvals show apr_1", "runs show run_1"])(
    "gives a real terminal no orders: signalbox %s",
    async (line) => {
      await using api = await fakeApi(HOSTILE_ROUTES);
      await using terminal = await openTerminal([...line.split(" "), "--server", api.url], { columns: 200, rows: 100 });

      await terminal.ended;

      expect(terminal.text()).not.toBe("");
      expect(terminal.text()).not.toMatch(/[\u007f-\u009f\u202a-\u202e]/);
    },
  );
});
