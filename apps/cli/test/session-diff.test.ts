import type { Publication, PublicationReport, SessionDiff } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { details, run, story } from "./_support/canned.ts";
import { eventStream, fakeApi, outputStream, refusal } from "./_support/fake-api.ts";
import { signalbox } from "./_support/run-signalbox.ts";
import { hasScript, openTerminal } from "./_support/terminal.ts";

const ESC = "\u001b";
const HASH = "a".repeat(64);
const OBJECT = "b".repeat(40);

const TEXT = [
  "diff --git a/a.ts b/a.ts",
  "--- a/a.ts",
  "+++ b/a.ts",
  "@@ -1,2 +1,2 @@",
  " const\ta = 1;",
  "-const b = '\\n';",
  `+const b = '${ESC}[2J\u202e';`,
  "",
].join("\n");

const DIFF: SessionDiff = {
  sessionId: "ses_1.0",
  base: OBJECT,
  tree: OBJECT,
  stats: { files: 2, added: 1, removed: 1 },
  files: [
    { path: "a.ts", status: "modified", added: 1, removed: 1, isBinary: false },
    { path: `logo${ESC}]0;x\u0007.png`, status: "added", added: 0, removed: 0, isBinary: true },
  ],
  text: TEXT,
  isRedacted: false,
  cut: null,
  diffHash: HASH,
  document: HASH,
  takenAt: "2026-11-21T08:00:00.000Z",
  isFinal: true,
  isLeftover: false,
};

const PUBLICATION: Publication = {
  sessionId: "ses_1.0",
  remote: "https://github.com/acme/app",
  base: OBJECT,
  tree: OBJECT,
  diffHash: HASH,
  document: HASH,
  pack: { sha256: HASH, bytes: 1 },
  branch: "agent/fix",
  message: "Fix",
  committedAt: DIFF.takenAt,
  pullRequest: { title: "Fix", body: "" },
  runId: "run_1",
  approvalId: "gate_1",
  contentHash: HASH,
  expiresAt: DIFF.takenAt,
  stats: DIFF.stats,
  takenAt: DIFF.takenAt,
  isLeftover: false,
};

describe("signalbox session diff", () => {
  it("shows what was changed, with nothing in it that acts or hides, and without colours where it is no terminal", async () => {
    await using api = await fakeApi({ "GET /sessions/:id/diff": () => DIFF });

    const { code, stdout } = await signalbox(["session", "diff", "ses_1.0", "--server", api.url]);

    expect(code).toBe(0);
    expect(stdout).toContain(" const\ta = 1;\n-const b = '\\n';\n+const b = '\\u{1b}[2J\\u{202e}';\n");
    expect(stdout).not.toContain(ESC);
  });

  it.skipIf(!hasScript)("gives a terminal nothing to heed but our own colours", async () => {
    await using api = await fakeApi({
      "GET /sessions/:id/diff": () => ({ ...DIFF, text: TEXT.replaceAll("\t", " ") }),
    });
    await using terminal = await openTerminal(["session", "diff", "ses_1.0", "--server", api.url]);

    expect(await terminal.ended).toBe(0);
    expect(terminal.text()).toContain("+const b = '\\u{1b}[2J\\u{202e}';");
  });

  it("counts lines by file with --stat", async () => {
    await using api = await fakeApi({ "GET /sessions/:id/diff": () => DIFF });

    const { stdout } = await signalbox(["session", "diff", "ses_1.0", "--stat", "--server", api.url]);

    expect(stdout).toBe("M  +1 -1  a.ts\nA binary  logo.png\n2 files changed, 1 line added, 1 removed\n");
  });

  it("gives the document as it is with --json, names an earlier one, and says what is cut", async () => {
    const cut = { files: 3, isTextCut: true };
    await using api = await fakeApi({ "GET /sessions/:id/diff": () => ({ ...DIFF, cut }) });
    const command = ["session", "diff", "ses_1.0", "--document", HASH, "--server", api.url];

    const json = await signalbox([...command, "--json"]);
    const plain = await signalbox(command);

    expect(JSON.parse(json.stdout)).toEqual({ success: true, data: { ...DIFF, cut } });
    expect(api.heard[0]?.query.get("document")).toBe(HASH);
    expect(plain.stderr).toContain("too long to be shown whole");
  });

  it("says why there is none", async () => {
    const why = "session ses_1.0 has no repository";
    await using api = await fakeApi({ "GET /sessions/:id/diff": () => refusal(404, "DIFF_NOT_FOUND", why) });

    const { code, stderr } = await signalbox(["session", "diff", "ses_1.0", "--server", api.url]);

    expect(code).not.toBe(0);
    expect(stderr).toContain(why);
  });
});

describe("signalbox gates diff", () => {
  it("shows what is decided on, with nothing in it that acts", async () => {
    const { sessionId: _, takenAt: __, isFinal: ___, isLeftover: ____, ...diff } = DIFF;
    await using api = await fakeApi({ "GET /gates/:id/diff": () => ({ ...diff, gateId: "gate_1" }) });

    const { code, stdout } = await signalbox(["gates", "diff", "gate_1", "--server", api.url]);

    expect(code).toBe(0);
    expect(stdout).toContain("-const b = ");
    expect(stdout).not.toContain(ESC);
  });
});

describe("signalbox session publications", () => {
  it("lists what was to be published, where it is now, and why not", async () => {
    const opened = { number: 7, url: "https://github.com/acme/app/pull/7" };
    const requestedAt = DIFF.takenAt;
    const items: PublicationReport[] = [
      { ...PUBLICATION, state: "waiting", requestedAt },
      { ...PUBLICATION, state: "published", requestedAt, commit: OBJECT, opened },
      { ...PUBLICATION, state: "failed", requestedAt, reason: "gate_denied", message: `no${ESC}[2J` },
    ];
    await using api = await fakeApi({ "GET /sessions/:id/publications": () => ({ items }) });

    const { code, stdout } = await signalbox(["session", "publications", "ses_1.0", "--server", api.url]);

    expect(code).toBe(0);
    const [, waiting, published, failed] = stdout.split("\n");
    expect(waiting).toMatch(/^run_1 +waiting +.* agent\/fix +signalbox approve gate_1$/);
    expect(published).toMatch(
      /^run_1 +published +.* agent\/fix +bbbbbbbbbbbb {2}https:\/\/github\.com\/acme\/app\/pull\/7$/,
    );
    expect(failed).toMatch(/^run_1 +failed +.* agent\/fix +gate_denied: no.*$/);
    expect(stdout).not.toContain(ESC);
  });
});

describe("signalbox session publish", () => {
  const command = ["session", "publish", "ses_1.0", "--branch", "agent/fix", "--title", "Fix", "--pr"];

  it("asks for exactly the diff that it showed, follows what comes of it, and ends with the pull request", async () => {
    const url = "https://github.com/acme/app/pull/7";
    const outputs = {
      remote: PUBLICATION.remote,
      branch: "agent/fix",
      commit: OBJECT,
      pullRequest: { number: 7, url },
    };
    const done = details({ run: run({ status: "succeeded" }) });
    const steps: typeof done.steps = [
      {
        id: "step_1",
        runId: "run_1",
        index: 1,
        name: "publish",
        tool: "publish",
        key: HASH,
        needs: ["approve"],
        inputs: {},
        status: "succeeded",
        outputs,
        attempts: [],
      },
    ];
    await using api = await fakeApi({
      "GET /sessions/:id/diff": () => DIFF,
      "POST /sessions/:id/publish": () => PUBLICATION,
      "GET /runs/:id": () => ({ ...done, steps }),
      "GET /runs/:id/stream": eventStream(story(["publish"])),
      "GET /runs/:id/output": outputStream([]),
    });

    const { code, stdout } = await signalbox([...command, "--server", api.url]);

    expect(code).toBe(0);
    expect(api.heard.find(({ method }) => method === "POST")?.body).toEqual({
      branch: "agent/fix",
      title: "Fix",
      openPr: true,
      diffHash: HASH,
    });
    expect(stdout).toContain("signalbox approve gate_1");
    expect(stdout.trim().split("\n").at(-1)).toBe(url);
  });

  it("says of when the diff is that it asks for, where the session was lost with its machine", async () => {
    await using api = await fakeApi({
      "GET /sessions/:id/diff": () => ({ ...DIFF, isFinal: false, isLeftover: true }),
      "POST /sessions/:id/publish": () => PUBLICATION,
    });

    const { stderr } = await signalbox([...command, "--detach", "--server", api.url]);

    expect(stderr).toContain(`as it was at ${DIFF.takenAt}; what was done after that was lost with its machine`);
  });

  it("only asks with --detach", async () => {
    await using api = await fakeApi({
      "GET /sessions/:id/diff": () => DIFF,
      "POST /sessions/:id/publish": () => PUBLICATION,
    });

    const { code, stdout } = await signalbox([...command, "--detach", "--json", "--server", api.url]);

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ success: true, data: PUBLICATION });
  });

  it("asks for nothing once the workspace has changed", async () => {
    const message = "the workspace of session ses_1.0 has changed since";
    await using api = await fakeApi({
      "GET /sessions/:id/diff": () => DIFF,
      "POST /sessions/:id/publish": () => refusal(409, "CONTENT_CHANGED", message),
    });

    const { code, stderr } = await signalbox([...command, "--server", api.url]);

    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
