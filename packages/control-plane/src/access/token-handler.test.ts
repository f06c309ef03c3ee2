import { limit, type CreateTokenRequest } from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import { describe, expect, it } from "vitest";

import { caller, dataOf, Rig } from "../../test/_support/rig.ts";

async function createToken(rig: Rig, over: Partial<CreateTokenRequest> = {}) {
  return dataOf(await rig.plane.tokens.createToken({ name: "ci", scopes: ["runs:read", "runs:write"], ...over }));
}

describe("a token", () => {
  it("stands for its org and scopes, and for nothing that a caller says", async () => {
    await using rig = await Rig.open();
    const { token, id } = dataOf(
      await rig.plane.tokens.createToken({ name: "ci", scopes: ["runs:read"] }, caller(["admin"], { orgId: "acme" })),
    );

    expect(await rig.plane.tokens.authenticate(token)).toEqual({
      kind: "token",
      id,
      orgId: "acme",
      scopes: new Set(["runs:read"]),
    });
  });

  it("is told once and kept as a hash", async () => {
    await using rig = await Rig.open();

    const { token, id } = await createToken(rig);

    const secret = token.split("_").slice(2).join("_");
    expect(JSON.stringify(await rig.store.all("SELECT * FROM tokens"))).not.toContain(secret);
    expect(await rig.store.all("SELECT hash FROM tokens")).toEqual([{ hash: sha256Hex(secret) }]);
    expect(JSON.stringify(dataOf(await rig.plane.tokens.listTokens()))).not.toContain(secret);
    expect(dataOf(await rig.plane.tokens.listTokens()).items).toMatchObject([
      { id, name: "ci", scopes: ["runs:read", "runs:write"] },
    ]);
  });

  it("is known by the whole of its text", async () => {
    await using rig = await Rig.open();
    const { token } = await createToken(rig);
    const other = await createToken(rig);
    const [brand, id, ...secret] = token.split("_");
    const forgeries = [
      "",
      "sbx_",
      token.slice(0, -1),
      `${token}x`,
      ` ${token}`,
      `${token}\n`,
      token.toUpperCase(),
      `${brand}_${id}_${"A".repeat(43)}`,
      `${brand}_${other.id}_${secret.join("_")}`,
      `${brand}_${"0".repeat(16)}_${secret.join("_")}`,
      `${brand}_' OR 1=1 --_${secret.join("_")}`,
    ];

    for (const forgery of forgeries)
      expect([forgery, await rig.plane.tokens.authenticate(forgery)]).toEqual([forgery, undefined]);
    expect(await rig.plane.tokens.authenticate(token)).toBeDefined();
  });

  it("that was revoked here is refused at once", async () => {
    await using rig = await Rig.open();
    const { token, id } = await createToken(rig);
    expect(await rig.plane.tokens.authenticate(token)).toBeDefined();

    expect(dataOf(await rig.plane.tokens.revokeToken(id))).toMatchObject({ id, revokedAt: expect.any(String) });

    expect(await rig.plane.tokens.authenticate(token)).toBeUndefined();
    expect((await rig.plane.tokens.revokeToken(id)).success).toBe(true);
  });

  // Red without `freshUntil`: what another server of the installation revoked would be taken until a restart.
  it("that was revoked elsewhere is refused within revocation.ms", async () => {
    await using rig = await Rig.open();
    const { token, id } = await createToken(rig);
    await rig.plane.tokens.authenticate(token);
    await rig.store.run("revokeToken", { id, orgId: "default", now: rig.clock.now() });

    rig.clock.advance(limit("revocation.ms"));

    expect(await rig.plane.tokens.authenticate(token)).toBeUndefined();
  });

  it("is refused from the moment of its expiry on", async () => {
    await using rig = await Rig.open();
    const { token, expiresAt } = await createToken(rig, { expiresInMs: 60_000 });

    rig.clock.advance(59_999);
    expect(await rig.plane.tokens.authenticate(token)).toBeDefined();
    rig.clock.advance(1);

    expect(await rig.plane.tokens.authenticate(token)).toBeUndefined();
    expect(Date.parse(expiresAt ?? "")).toBe(rig.clock.now());
  });

  it.each([
    ["no name", { name: "" }],
    ["no scopes", { scopes: [] }],
    ["a scope that is none", { scopes: ["root"] as never }],
    ["a life beyond the limit", { expiresInMs: limit("token.lifeMs") + 1 }],
    ["a name beyond the limit", { name: "x".repeat(limit("token.nameLength") + 1) }],
  ])("is refused with %s", async (_, over) => {
    await using rig = await Rig.open();

    expect((await rig.plane.tokens.createToken({ name: "ci", scopes: ["admin"], ...over })).error?.code).toBe(
      "VALIDATION_ERROR",
    );
    expect(dataOf(await rig.plane.tokens.listTokens()).items).toEqual([]);
  });

  it("has the longest life that the limit allows", async () => {
    await using rig = await Rig.open();

    expect((await createToken(rig, { expiresInMs: limit("token.lifeMs") })).expiresAt).toBe("2034-12-30T00:00:00.000Z");
  });

  it("is asked of again where a stream stays open: good until it is revoked or over", async () => {
    await using rig = await Rig.open();
    const revoked = await createToken(rig);
    const expiring = await createToken(rig, { expiresInMs: 60_000 });
    const principals = [
      await rig.plane.tokens.authenticate(revoked.token),
      await rig.plane.tokens.authenticate(expiring.token),
    ];
    const good = () => Promise.all(principals.map((principal) => rig.plane.tokens.isStillGood(principal!)));
    expect(await good()).toEqual([true, true]);

    dataOf(await rig.plane.tokens.revokeToken(revoked.id));
    expect(await good()).toEqual([false, true]);
    rig.clock.advance(60_000);

    expect(await good()).toEqual([false, false]);
  });

  it("tells when it was last used, after a while", async () => {
    await using rig = await Rig.open();
    const { token } = await createToken(rig);
    await rig.plane.tokens.authenticate(token);

    await rig.pass(60_000, 60_000);

    expect(dataOf(await rig.plane.tokens.listTokens()).items[0]?.lastUsedAt).toBe("2025-01-01T00:00:00.000Z");
  });
});

describe("a ticket", () => {
  async function ticketFor(rig: Rig) {
    const run = await rig.createRun(["a"]);
    const { ticket } = dataOf(await rig.plane.tokens.createTicket(run.id, caller(["runs:read"])));
    return { run, ticket };
  }

  it("opens one run once, for who asked for it", async () => {
    await using rig = await Rig.open();
    const { run, ticket } = await ticketFor(rig);

    expect(rig.plane.tokens.redeemTicket(ticket, run.id)).toMatchObject({ id: "tok_1" });
    expect(rig.plane.tokens.redeemTicket(ticket, run.id)).toBeUndefined();
  });

  it("does not open another run, and is used up by the try", async () => {
    await using rig = await Rig.open();
    const { run, ticket } = await ticketFor(rig);

    expect(rig.plane.tokens.redeemTicket(ticket, "run_other")).toBeUndefined();
    expect(rig.plane.tokens.redeemTicket(ticket, run.id)).toBeUndefined();
  });

  it("is over after its time", async () => {
    await using rig = await Rig.open();
    const { run, ticket } = await ticketFor(rig);
    const early = await ticketFor(rig);

    rig.clock.advance(limit("ticket.ttlMs") - 1);
    expect(rig.plane.tokens.redeemTicket(early.ticket, early.run.id)).toBeDefined();
    rig.clock.advance(1);

    expect(rig.plane.tokens.redeemTicket(ticket, run.id)).toBeUndefined();
  });

  it("is not given for a run of another org", async () => {
    await using rig = await Rig.open();
    const { run } = await ticketFor(rig);

    expect((await rig.plane.tokens.createTicket(run.id, caller(["admin"], { orgId: "other" }))).error?.code).toBe(
      "RUN_NOT_FOUND",
    );
  });
});
