import { describe, expect, it } from "vitest";

import { details, event, run, story } from "./_support/canned.ts";
import { eventStream, fakeApi, outputStream, type Answer } from "./_support/fake-api.ts";
import { hasScript, openTerminal } from "./_support/terminal.ts";
import { soon } from "./_support/soon.ts";

/** A server whose run goes on only when the test says so. */
async function steppedRun(steps: readonly string[], output: Parameters<typeof outputStream>[0] = []) {
  const events = story(steps);
  let sent = 0;
  const readers = new Set<() => void>();
  const stream: Answer = ({ query }, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let at = Number(query.get("after"));
    const more = () => {
      for (; at < sent; at++) response.write(`id: ${at + 1}\ndata: ${JSON.stringify(events[at])}\n\n`);
      if (sent === events.length) response.end();
    };
    readers.add(more);
    more();
  };
  const isOver = () => sent === events.length;
  const api = await fakeApi({
    "POST /runs": () => run(),
    "POST /runs/:id/cancel": () => run(),
    "GET /runs/:id": () => details({ run: run({ status: isOver() ? "succeeded" : "running", lastSeq: sent }) }),
    "GET /runs/:id/stream": stream,
    "GET /runs/:id/output": outputStream(output),
    "GET /runs/:id/waiting": () => [],
  });
  const advanceTo = (count: number) => {
    sent = count;
    for (const more of readers) more();
  };
  return Object.assign(api, { advanceTo, finish: () => advanceTo(events.length) });
}

describe.skipIf(!hasScript)("signalbox run on a terminal", () => {
  it("draws the run in place, and leaves its end on the screen with the cursor", async () => {
    await using api = await steppedRun(["build", "test"], [{ step: "build", text: "compiling\n" }]);
    await using terminal = await openTerminal(["run", "-c", "make", "--server", api.url]);
    api.advanceTo(3);
    await soon(() => terminal.text()).toMatch(
      /run_1 {2}say hello .*running {2}0\/2.*\n {2}[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] build {2}command .*\n {2}· test {3}command\n {2}│ build {2}compiling$/,
    );
    expect(terminal.screen.isCursorVisible).toBe(false);

    api.finish();

    expect(await terminal.ended).toBe(0);
    expect(terminal.text().match(/say hello/g)).toHaveLength(2);
    expect(terminal.text()).toMatch(
      /succeeded {2}2\/2 {2}1\.2 s\n {2}✔ build {2}command .* 0\.4 s\n {2}✔ test {3}command .* 0\.4 s\nrun_1 succeeded in 1\.2 s$/,
    );
    expect(terminal.screen.isCursorVisible).toBe(true);
  });

  it("gives the cursor back on Ctrl-C, and leaves at the second", async () => {
    await using api = await steppedRun(["build"]);
    await using terminal = await openTerminal(["run", "-c", "make", "--server", api.url]);
    api.advanceTo(3);
    await soon(() => terminal.text()).toContain("0/1");

    terminal.type("\u0003");
    await soon(() => terminal.text()).toContain("cancelling the run; Ctrl-C again leaves it to the server");
    terminal.type("\u0003");

    expect(await terminal.ended).toBe(130);
    expect(terminal.text()).toContain("run_1 goes on; watch it with `signalbox logs -f run_1`");
    expect(terminal.screen.isCursorVisible).toBe(true);
    expect(api.heard.filter(({ path }) => path.endsWith("/cancel"))).toHaveLength(1);
  });

  it("stays within a terminal that is small, and fits itself to one that is changed", async () => {
    const steps = Array.from({ length: 30 }, (_, index) => `step ${index + 1}`);
    await using api = await steppedRun(steps);
    await using terminal = await openTerminal(["run", "-c", "make", "--server", api.url], { columns: 44, rows: 10 });
    api.advanceTo(2 + 2 * 15 + 1);
    await soon(() => terminal.text()).toContain("15/30");

    expect(terminal.text()).toMatch(/… \d+ before\n[^]*step 16[^]*\n {2}… \d+ to come/);
    expect(
      terminal
        .text()
        .split("\n")
        .every((line) => line.length < 44),
    ).toBe(true);
    expect(terminal.text().match(/15\/30/g)).toHaveLength(1);

    await terminal.resize(120, 40);
    await soon(() => terminal.text()).toMatch(/✔ step 1 [^]*· step 30/);
    api.finish();
    expect(await terminal.ended).toBe(0);
  });

  it("lets nothing of a hostile run reach the terminal but text", async () => {
    const name = "a\u202eb";
    const hostile = "\u001b]0;title\u0007\u001b[2J\u001b[c\u001bP$q\u001b\\gotcha\u009b6n\n";
    await using api = await steppedRun([name], [{ step: name, text: hostile }]);
    await using terminal = await openTerminal(["run", "-c", "make", "--server", api.url]);
    api.advanceTo(3);

    // The screen of the test fails on any order that the view itself does not use.
    await soon(() => terminal.text()).toContain("│ a\\u{202e}b  gotcha");

    api.finish();
    expect(await terminal.ended).toBe(0);
  });

  it.each([
    ["NO_COLOR", "1"],
    ["CI", "true"],
    ["TERM", "dumb"],
  ])("prints plain lines where %s is %s", async (name, value) => {
    await using api = await fakeApi({
      "POST /runs": () => run(),
      "GET /runs/:id/stream": eventStream([...story(["build"])]),
      "GET /runs/:id/output": outputStream([]),
      "GET /runs/:id": () => details({ run: run({ status: "succeeded", lastSeq: 5 }) }),
    });
    await using terminal = await openTerminal(["run", "-c", "make", "--server", api.url], { env: { [name]: value } });

    expect(await terminal.ended).toBe(0);
    expect(terminal.text()).toContain("build: started\nbuild: succeeded in 0.4 s\nrun_1 succeeded in 1.2 s");
  });

  it("draws a run that waits at a gate with what to type", async () => {
    const events = [
      event(1, "run.created", {
        goal: "g",
        projectId: "p",
        source: "plan",
        steps: [{ name: "ask", tool: "gate:manual", needs: [] }],
      }),
      event(2, "gate.pending", {
        name: "ask",
        gateId: "gate_1",
        gate_id: "gate_1",
        description: "go on?",
        approvers: [],
        contentHash: "x",
        expiresAt: "x",
      }),
    ];
    await using api = await fakeApi({
      "POST /runs": () => run(),
      "GET /runs/:id/stream": eventStream(events, { hold: true }),
      "GET /runs/:id/output": eventStream([], { hold: true }),
    });
    await using terminal = await openTerminal(["run", "-c", "make", "--server", api.url]);

    await soon(() => terminal.text()).toContain("◆ ask");
    expect(terminal.text()).toContain("◆ ask  gate:manual    signalbox approve gate_1  go on?");
  });
});
