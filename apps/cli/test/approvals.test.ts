import type { Approval } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { approval } from "./_support/canned.ts";
import { fakeApi, refusal } from "./_support/fake-api.ts";
import { signalbox } from "./_support/run-signalbox.ts";
import { soon } from "./_support/soon.ts";
import { hasScript, openTerminal } from "./_support/terminal.ts";

function anApproval(asked: Approval) {
  return fakeApi({
    "GET /approvals": () => ({ items: [asked] }),
    "GET /approvals/:id": () => asked,
    "POST /approvals/:id/resolve": ({ body }) => ({
      ...asked,
      state: (body as { decision: string }).decision === "allow" ? "allowed" : "denied",
    }),
  });
}

/** Runs a command line against an API that has this approval. */
async function run(asked: Approval, ...args: string[]) {
  await using api = await anApproval(asked);
  const ended = await signalbox([...args, "--server", api.url]);
  return { ...ended, heard: api.heard };
}

describe("signalbox approvals", () => {
  it.each([[["approvals"]], [["approvals", "list"]]])("lists what waits for a decision: %j", async (args) => {
    const { stdout, heard } = await run(approval(), ...args);

    expect(stdout).toMatch(/^APPROVAL .*\napr_1 {5}pending .*ses_1\.0 {2}permission {2}command {2}npm publish\n$/);
    expect(heard[0]?.query.get("state")).toBe("pending");
  });

  it("asks for what it is told to", async () => {
    const { heard } = await run(approval(), "approvals", "--state", "all", "--kind", "budget", "--session", "ses_9");

    expect(Object.fromEntries(heard[0]?.query ?? [])).toEqual({ kind: "budget", sessionId: "ses_9", limit: "50" });
  });

  it("shows all that is decided, with nothing hidden", async () => {
    const asked = approval({
      description: "ls\u202e; \u001b[8mrm -rf /",
      context: { command: "echo a\u200b", input: { deep: "\u0007bell" } },
    });

    const { stdout } = await run(asked, "approvals", "show", "apr_1");

    expect(stdout).toContain("ls\\u{202e}; \\u{1b}[8mrm -rf /");
    expect(stdout).toContain('"command": "echo a\\u{200b}"');
    expect(stdout).toContain('"deep": "\\u0007bell"');
    expect(stdout).toContain(`hash     ${asked.contentHash}`);
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e]/);
  });
});

describe("a question about a budget", () => {
  it("is shown as what was used of what, and what a yes adds", async () => {
    const context = {
      budget: { tokens: 100, costUsd: 1 },
      usage: { inputTokens: 110, outputTokens: 5, costUsd: 1.5 },
      more: { tokens: 100, costUsd: 1 },
    };

    const { stdout } = await run(approval({ kind: "budget", context }), "approvals", "show", "apr_1");

    expect(stdout).toContain(
      "used     110 tokens in, 5 out, $1.50, of 100 tokens, $1.00; a yes adds 100 tokens, $1.00\n",
    );
  });
});

describe("who may decide", () => {
  const rule = { selfApproval: "refused", requesters: [{ kind: "token", id: "tok_a\u202e" }] } as const;
  const asked = (approvers: string[]) =>
    approval({ kind: "action", origin: undefined, ...rule, requesters: [...rule.requesters], approvers });

  it("is shown with the approval", async () => {
    const { stdout: some } = await run(asked(["tok_b", "tok_c"]), "approvals", "show", "apr_1");
    const { stdout: anybody } = await run(asked([]), "approvals", "show", "apr_1");

    expect(some).toContain("for      tok_b, tok_c, but not tok_a\\u{202e}, who asked for it");
    expect(anybody).toContain("for      anybody who may decide, but not tok_a");
  });

  it("is said of a yes that does not count any more", async () => {
    const lapsed = { ...approval(), state: "allowed", lapsed: "token:tok_a is revoked" } as const;

    const { stdout } = await run(lapsed, "approvals", "show", "apr_1");

    expect(stdout).toContain("this yes does not count any more: token:tok_a is revoked");
  });

  it("is part of what the answer's hash says", async () => {
    const { contentHash } = asked(["tok_b"]);
    const answer = ["approvals", "allow", "apr_1", "--yes", "--hash", contentHash];

    const same = await run(asked(["tok_b"]), ...answer);
    const other = await run({ ...asked(["tok_b", "tok_c"]), contentHash }, ...answer);

    expect(same.stdout).toContain("apr_1 is allowed");
    expect(other.stderr).toContain("does not ask what it was expected to ask");
  });
});

describe("signalbox approvals allow and deny", () => {
  it.each(["allow", "deny"] as const)("%s exactly what was seen", async (verb) => {
    const asked = approval();
    const args = ["--yes", "--hash", asked.contentHash, "--reason", "fine"];

    const { code, stdout, heard } = await run(asked, "approvals", verb, "apr_1", ...args);

    expect([code, stdout]).toEqual([0, `apr_1 is ${verb === "allow" ? "allowed" : "denied"}\n`]);
    expect(heard.at(-1)?.body).toEqual({
      decision: verb,
      contentHash: asked.contentHash,
      scope: "once",
      reason: "fine",
    });
  });

  it.each([
    ["a server that shows one content and hashes another", approval({ contentHash: "ab".repeat(32) }), undefined],
    ["a content that has changed since it was seen", approval(), "cd".repeat(32)],
  ])("decide nothing for %s", async (_name, asked, seen) => {
    const hash = seen ?? asked.contentHash;

    const { code, stderr, heard } = await run(asked, "approvals", "allow", "apr_1", "--yes", "--hash", hash);

    expect(code).toBe(1);
    expect(stderr).toContain("does not ask what it was expected to ask");
    expect(heard.map(({ method }) => method)).toEqual(["GET"]);
  });

  it("decide nothing where they cannot ask, and say how to in a script", async () => {
    const asked = approval();

    const { code, stdout, stderr, heard } = await run(asked, "approvals", "allow", "apr_1");

    expect(code).toBe(2);
    expect(stdout).toContain("npm publish");
    expect(stderr).toContain(`signalbox approvals allow apr_1 --yes --hash ${asked.contentHash}`);
    expect(heard.map(({ method }) => method)).toEqual(["GET"]);
  });

  it("answer a question with its answers", async () => {
    const questions = [{ id: "q1", text: "Which?", options: [{ label: "red" }], allowsMany: false, allowsText: true }];
    const asked = approval({ kind: "question", questions });
    const yes = ["--yes", "--hash", asked.contentHash];

    const answered = await run(asked, "approvals", "allow", "apr_1", ...yes, "--answer", "q1=red");
    const unanswered = await run(asked, "approvals", "allow", "apr_1", ...yes);
    const strange = await run(asked, "approvals", "allow", "apr_1", ...yes, "--answer", "q2=red");

    expect(answered.heard.at(-1)?.body).toMatchObject({ answers: { q1: ["red"] } });
    expect([unanswered.code, unanswered.stderr]).toEqual([
      2,
      "signalbox: a question needs an answer\n  --answer q1=…\n",
    ]);
    expect([strange.code, strange.heard.length]).toEqual([2, 1]);
  });

  it("send whoever stands at a gate to the gate", async () => {
    const { code, stderr } = await run(approval({ kind: "gate" }), "approvals", "allow", "apr_1");

    expect([code, stderr]).toEqual([
      2,
      "signalbox: apr_1 is a gate of a run\n  decide it with `signalbox approve apr_1`\n",
    ]);
  });

  it("tell when somebody was faster", async () => {
    const asked = approval();
    await using api = await fakeApi({
      "GET /approvals/:id": () => asked,
      "POST /approvals/:id/resolve": () => refusal(409, "INVALID_STATE", "approval apr_1 is denied"),
    });

    const { code, stderr } = await signalbox([
      "approvals",
      "allow",
      "apr_1",
      "--yes",
      "--hash",
      asked.contentHash,
      "--server",
      api.url,
    ]);

    expect([code, stderr]).toEqual([1, "signalbox: approval apr_1 is denied\n"]);
  });

  it.skipIf(!hasScript)("ask at a terminal, and take nothing but the word for a yes", async () => {
    const asked = approval();
    await using api = await anApproval(asked);
    await using no = await openTerminal(["approvals", "allow", "apr_1", "--server", api.url]);
    await soon(() => no.text()).toContain("Type allow to do so:");
    no.type("y\r");
    expect(await no.ended).toBe(1);
    expect(api.heard.some(({ method }) => method === "POST")).toBe(false);

    await using yes = await openTerminal(["approvals", "allow", "apr_1", "--server", api.url]);
    await soon(() => yes.text()).toContain("Type allow to do so:");
    yes.type("allow\r");

    expect(await yes.ended).toBe(0);
    expect(api.heard.at(-1)).toMatchObject({ method: "POST", body: { contentHash: asked.contentHash } });
  });
});
