import { describe, expect, it } from "vitest";

import { gate } from "./_support/canned.ts";
import { fakeApi, refusal } from "./_support/fake-api.ts";
import { signalbox } from "./_support/run-signalbox.ts";
import { soon } from "./_support/soon.ts";
import { hasScript, openTerminal } from "./_support/terminal.ts";

function aGate(asked = gate()) {
  return fakeApi({
    "GET /gates": () => ({ items: [asked] }),
    "GET /gates/:id": () => asked,
    "POST /gates/:id/approve": () => ({ ...asked, status: "approved" }),
    "POST /gates/:id/reject": () => ({ ...asked, status: "denied" }),
  });
}

describe("signalbox gates", () => {
  it("lists what waits for a decision", async () => {
    await using api = await aGate();

    const { stdout } = await signalbox(["gates", "--server", api.url]);

    expect(stdout).toMatch(/^GATE {4}STATE .*\ngate_1 {2}pending .* run_1 {2}release {2}release it\?\n$/);
    expect(api.heard[0]?.query.get("status")).toBe("pending");
  });
});

describe("signalbox approve", () => {
  it("shows all of the content with nothing hidden, and decides nothing where it cannot ask", async () => {
    const asked = gate({
      description: "release \u202eit",
      guards: [{ name: "deploy", tool: "command", inputs: { shell: "echo a\u200b; \u001b[8mrm -rf /" } }],
    });
    await using api = await aGate(asked);

    const { code, stdout, stderr } = await signalbox(["approve", "gate_1", "--server", api.url]);

    expect(code).toBe(2);
    expect(stdout).toContain("release \\u{202e}it");
    expect(stdout).toContain('"shell": "echo a\\u{200b}; \\u001b[8mrm -rf /"');
    expect(stdout).toContain(`hash     ${asked.contentHash}`);
    expect(stderr).toContain(`signalbox approve gate_1 --yes --hash ${asked.contentHash}`);
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e]/);
    expect(api.heard.map(({ method }) => method)).toEqual(["GET"]);
  });

  it("shows who may decide, and why it is asked again", async () => {
    const asked = gate({
      approvers: ["tok_b"],
      selfApproval: "refused",
      requesters: [{ kind: "token", id: "tok_a" }],
      again: "a yes does not count any more",
    });
    await using api = await aGate(asked);

    const { stdout } = await signalbox(["approve", "gate_1", "--server", api.url]);

    expect(stdout).toContain("again    a yes does not count any more");
    expect(stdout).toContain("for      tok_b, but not tok_a, who asked for it");
    expect(stdout).toContain(`hash     ${asked.contentHash}`);
  });

  it("decides on the hash that was seen", async () => {
    const asked = gate();
    await using api = await aGate(asked);

    const { code, stdout } = await signalbox([
      "approve",
      "gate_1",
      "--yes",
      "--hash",
      asked.contentHash,
      "--note",
      "fine",
      "--server",
      api.url,
    ]);

    expect([code, stdout]).toEqual([0, "gate_1 is approved\n"]);
    expect(api.heard.at(-1)).toMatchObject({
      path: "/gates/gate_1/approve",
      body: { contentHash: asked.contentHash, note: "fine" },
    });
  });

  it("decides nothing on another content than the one that was seen", async () => {
    await using api = await aGate();

    const { code, stdout } = await signalbox([
      "approve",
      "gate_1",
      "--yes",
      "--hash",
      "00".repeat(32),
      "--json",
      "--server",
      api.url,
    ]);

    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ success: false, error: { code: "CONTENT_CHANGED" } });
    expect(api.heard.map(({ method }) => method)).toEqual(["GET"]);
  });

  it("catches a server that shows one content and hashes another", async () => {
    const asked = { ...gate(), contentHash: "ab".repeat(32) };
    await using api = await aGate(asked);

    const { code, stderr } = await signalbox([
      "approve",
      "gate_1",
      "--yes",
      "--hash",
      asked.contentHash,
      "--server",
      api.url,
    ]);

    expect(code).toBe(1);
    expect(stderr).toContain("does not ask what it was expected to ask");
    expect(api.heard.map(({ method }) => method)).toEqual(["GET"]);
  });

  it("wants to know what --yes was said to", async () => {
    const { code, stderr } = await signalbox(["approve", "gate_1", "--yes"]);

    expect([code, stderr]).toEqual([
      2,
      "signalbox: --yes needs --hash\n  run `signalbox approve gate_1` first to see the content and its hash\n",
    ]);
  });

  it("tells when somebody was faster", async () => {
    const asked = gate();
    await using api = await fakeApi({
      "GET /gates/:id": () => asked,
      "POST /gates/:id/approve": () => refusal(409, "INVALID_STATE", "the gate is denied"),
    });

    const { code, stderr } = await signalbox([
      "approve",
      "gate_1",
      "--yes",
      "--hash",
      asked.contentHash,
      "--server",
      api.url,
    ]);

    expect([code, stderr]).toEqual([1, "signalbox: the gate is denied\n"]);
  });

  it.skipIf(!hasScript)("asks at a terminal, and takes nothing but the word for a yes", async () => {
    const asked = gate();
    await using api = await aGate(asked);
    await using no = await openTerminal(["approve", "gate_1", "--server", api.url]);
    await soon(() => no.text()).toContain("Type approve to do so:");
    no.type("y\r");
    expect(await no.ended).toBe(1);
    expect(api.heard.some(({ method }) => method === "POST")).toBe(false);

    await using yes = await openTerminal(["approve", "gate_1", "--server", api.url]);
    await soon(() => yes.text()).toContain("Type approve to do so:");
    yes.type("approve\r");

    expect(await yes.ended).toBe(0);
    expect(api.heard.at(-1)).toMatchObject({ method: "POST", body: { contentHash: asked.contentHash } });
  });
});

describe("signalbox reject", () => {
  it("says no", async () => {
    const asked = gate();
    await using api = await aGate(asked);

    const { stdout } = await signalbox(["reject", "gate_1", "-y", "--hash", asked.contentHash, "--server", api.url]);

    expect(stdout).toBe("gate_1 is rejected\n");
    expect(api.heard.at(-1)?.path).toBe("/gates/gate_1/reject");
  });
});
