import { readToken, readTokens } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { CALLER, Fleet, ORG } from "../../../test/_support/fleet.ts";

async function withToken(): Promise<Fleet> {
  const fleet = await Fleet.open();
  await fleet.store.run("createToken", {
    id: "tok_a",
    org_id: ORG,
    name: "ci",
    scopes: "[]",
    hash: "h",
    created_at: fleet.now,
    expires_at: null,
  });
  return fleet;
}

describe("tokens", () => {
  it("are kept by the hash of their secret", async () => {
    await using fleet = await withToken();

    expect(await fleet.store.view(() => readToken("tok_a"))).toMatchObject({
      hash: "h",
      last_used_at: null,
      revoked_at: null,
    });
  });

  it("are revoked for good: the first time counts", async () => {
    await using fleet = await withToken();

    const first = await fleet.store.run("revokeToken", { id: "tok_a", orgId: ORG, now: fleet.now });
    const second = await fleet.store.run("revokeToken", { id: "tok_a", orgId: ORG, now: fleet.now + 5 });

    expect([first.revoked_at, second.revoked_at]).toEqual([fleet.now, fleet.now]);
    expect((await fleet.store.view(() => readToken("tok_a")))?.revoked_at).toBe(fleet.now);
  });

  it.each([{ id: "tok_b" }, { orgId: "org-b" }])("are not found under %j", async (over) => {
    await using fleet = await withToken();

    const revoked = fleet.store.run("revokeToken", { id: "tok_a", orgId: ORG, now: fleet.now, ...over });

    await expect(revoked).rejects.toMatchObject({ code: "TOKEN_NOT_FOUND" });
  });

  it("remember their last use; a token that is not there is passed over", async () => {
    await using fleet = await withToken();

    await fleet.store.run("touchTokens", {
      used: [
        { id: "tok_a", at: 5 },
        { id: "tok_gone", at: 6 },
      ],
    });

    const tokens = await fleet.store.view(() => readTokens(ORG));
    expect(tokens.map(({ id, last_used_at: at }) => [id, at])).toEqual([
      ["tok_a", 5],
      [CALLER.id, null],
    ]);
  });
});
