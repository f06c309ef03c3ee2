import { readPlugin, readPluginOfToken, readPlugins, readToken } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { Fleet, ORG, sha256, verdictOf } from "../../../test/_support/fleet.ts";

function approve(fleet: Fleet, manifest = "crier", over: { orgId?: string } = {}) {
  return fleet.store.run("approvePlugin", { ...fleet.plugin("crier"), manifestHash: sha256(manifest), ...over });
}

function revoke(fleet: Fleet, over: { orgId?: string; reason?: string } = {}) {
  return fleet.store.run("revokePlugin", { ...fleet.plugin("crier"), ...over });
}

function createToken(fleet: Fleet, id = "tok_p") {
  return fleet.store.run("createPluginToken", { ...fleet.plugin("crier"), id, hash: "h", expiresAt: null });
}

function plugin(fleet: Fleet) {
  return fleet.store.view(() => readPlugin("crier", ORG));
}

async function withPlugin(): Promise<Fleet> {
  const fleet = await Fleet.open();
  await fleet.registerPlugin("crier");
  return fleet;
}

describe("registerPlugin", () => {
  it("makes a plugin known; nobody has approved it", async () => {
    await using fleet = await Fleet.open();

    const { row, change } = await fleet.registerPlugin("crier");

    expect([change, row.state, row.approved_at]).toEqual(["registered", "pending", null]);
    expect(await plugin(fleet)).toEqual(row);
    expect(await fleet.events("plg_crier")).toEqual(["plugin.registered"]);
  });

  it("notes nothing when the same comes again", async () => {
    await using fleet = await withPlugin();
    await approve(fleet);

    const { row, change } = await fleet.registerPlugin("crier", { id: "plg_other" });

    expect([change, row.state, row.id]).toEqual(["none", "approved", "plg_crier"]);
    expect(await fleet.events("plg_crier")).toEqual(["plugin.registered", "plugin.approved"]);
  });

  // Red without the move to `pending` in `keepPlugin`: what nobody has seen would run under an old yes.
  it("takes the approval away from one that comes with another manifest", async () => {
    await using fleet = await withPlugin();
    await approve(fleet);

    const { row, change } = await fleet.registerPlugin("crier", { manifest: "crier and more", version: "1.0.1" });

    expect([change, row.state, row.approved_at, row.approved_by]).toEqual(["changed", "pending", null, null]);
    expect(await plugin(fleet)).toMatchObject({ manifest: "crier and more", version: "1.0.1", state: "pending" });
  });

  it("gives no approval back to one that comes with its old manifest again", async () => {
    await using fleet = await withPlugin();
    await approve(fleet);
    await fleet.registerPlugin("crier", { manifest: "other" });

    const { row } = await fleet.registerPlugin("crier");

    expect(row.state).toBe("pending");
  });

  // Red without the origin in the comparison: a token for elsewhere would become the right to run on the server.
  it("takes the approval away from one that is to run in another place", async () => {
    await using fleet = await withPlugin();
    await approve(fleet);

    const { row, change } = await fleet.registerPlugin("crier", { origin: "folder" });

    expect([change, row.state, row.origin]).toEqual(["changed", "pending", "folder"]);
  });

  it("leaves one that was revoked as it is, whatever it comes with", async () => {
    await using fleet = await withPlugin();
    await revoke(fleet);

    const { row } = await fleet.registerPlugin("crier", { manifest: "other" });

    expect(row.state).toBe("revoked");
  });

  it.each([
    ["one below the limit", 2, "taken"],
    ["at the limit", 1, "PLUGIN_LIMIT_EXCEEDED"],
  ])("with the org %s", async (_, maxPlugins, verdict) => {
    await using fleet = await withPlugin();

    expect(await verdictOf(fleet.registerPlugin("herald", { maxPlugins }))).toBe(verdict);
    expect(await verdictOf(fleet.registerPlugin("crier", { maxPlugins, manifest: "new" }))).toBe("taken");
  });

  it("knows the plugins of each org by themselves", async () => {
    await using fleet = await withPlugin();

    await fleet.registerPlugin("crier", { id: "plg_b", orgId: "org-b", maxPlugins: 1 });

    expect((await fleet.store.view(() => readPlugins(ORG))).map(({ id }) => id)).toEqual(["plg_crier"]);
    expect((await fleet.store.view(() => readPlugins("org-b"))).map(({ id }) => id)).toEqual(["plg_b"]);
  });
});

describe("approvePlugin", () => {
  it("says yes to the manifest that is named, and by whom", async () => {
    await using fleet = await withPlugin();

    const row = await approve(fleet);

    expect(row).toMatchObject({ state: "approved", approved_at: fleet.now, approved_by: "token:tok_1" });
    expect(await fleet.events("plg_crier")).toEqual(["plugin.registered", "plugin.approved"]);
  });

  // Red without the comparison: a yes to what was shown would let in what came in between.
  it("says nothing to another manifest", async () => {
    await using fleet = await withPlugin();
    await fleet.registerPlugin("crier", { manifest: "crier, later" });

    await expect(approve(fleet)).rejects.toMatchObject({
      code: "CONTENT_CHANGED",
      details: { manifestHash: sha256("crier, later") },
    });
    expect((await plugin(fleet))?.state).toBe("pending");
  });

  it("is said once, however often it is asked for", async () => {
    await using fleet = await withPlugin();
    await approve(fleet);
    fleet.now += 5;

    await approve(fleet);

    expect((await plugin(fleet))?.approved_at).toBe(fleet.now - 5);
    expect(await fleet.events("plg_crier")).toHaveLength(2);
  });

  it("brings one back that was revoked", async () => {
    await using fleet = await withPlugin();
    await revoke(fleet);

    expect((await approve(fleet)).state).toBe("approved");
  });

  it("is not in the hands of another org", async () => {
    await using fleet = await withPlugin();

    await expect(approve(fleet, "crier", { orgId: "org-b" })).rejects.toMatchObject({ code: "PLUGIN_NOT_FOUND" });
  });
});

describe("revokePlugin", () => {
  it("takes approval and tokens away in one commit", async () => {
    await using fleet = await withPlugin();
    await approve(fleet);
    await createToken(fleet);

    const row = await revoke(fleet, { reason: "it talks too much" });

    expect(row).toMatchObject({ state: "revoked", approved_at: null, approved_by: null });
    expect((await fleet.store.view(() => readToken("tok_p")))?.revoked_at).toBe(fleet.now);
  });

  it("does nothing to one that was revoked before", async () => {
    await using fleet = await withPlugin();
    await revoke(fleet);
    const before = await plugin(fleet);
    fleet.now += 5;

    await revoke(fleet);

    expect(await plugin(fleet)).toEqual(before);
  });

  it("leaves tokens of others alone", async () => {
    await using fleet = await withPlugin();
    await approve(fleet);
    await fleet.store.run("createToken", {
      id: "tok_a",
      org_id: ORG,
      name: "ci",
      scopes: "[]",
      hash: "h",
      created_at: fleet.now,
      expires_at: null,
    });

    await revoke(fleet);

    expect((await fleet.store.view(() => readToken("tok_a")))?.revoked_at).toBeNull();
  });

  it("is not in the hands of another org", async () => {
    await using fleet = await withPlugin();

    await expect(revoke(fleet, { orgId: "org-b" })).rejects.toMatchObject({ code: "PLUGIN_NOT_FOUND" });
  });
});

describe("createPluginToken", () => {
  it("is found with its plugin, and without any scope", async () => {
    await using fleet = await withPlugin();
    await approve(fleet);

    await createToken(fleet);

    expect(await fleet.store.view(() => readPluginOfToken("tok_p"))).toMatchObject({
      token: { scopes: "[]", hash: "h", plugin_id: "plg_crier" },
      plugin: { name: "crier", state: "approved" },
    });
    expect(await fleet.events("plg_crier", 2)).toEqual(["plugin.token_issued"]);
  });

  it.each(["pending", "revoked"])("is not made for one that is %s", async (state) => {
    await using fleet = await withPlugin();
    if (state === "revoked") await revoke(fleet);

    await expect(createToken(fleet)).rejects.toMatchObject({ code: "INVALID_STATE", details: { state } });
  });

  it("is not made for one that runs on the server", async () => {
    await using fleet = await withPlugin();
    await fleet.registerPlugin("crier", { origin: "folder" });
    await approve(fleet);

    await expect(createToken(fleet)).rejects.toMatchObject({ code: "INVALID_STATE", details: { origin: "folder" } });
  });

  it("of a person opens no plugin's connection", async () => {
    await using fleet = await withPlugin();
    await fleet.store.run("createToken", {
      id: "tok_a",
      org_id: ORG,
      name: "ci",
      scopes: "[]",
      hash: "h",
      created_at: fleet.now,
      expires_at: null,
    });

    expect(await fleet.store.view(() => readPluginOfToken("tok_a"))).toBeUndefined();
  });
});
