import { readProject, readSecrets } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { Fleet, ORG } from "../../../test/_support/fleet.ts";

describe("putProject", () => {
  it("makes a project, and changes only what it is told", async () => {
    await using fleet = await Fleet.open();
    const base = { orgId: ORG, id: "shop", now: fleet.now };

    const made = await fleet.store.run("putProject", {
      ...base,
      taskType: "code",
      repo: '{"url":"x"}',
      env: '{"A":"1"}',
    });
    const changed = await fleet.store.run("putProject", { ...base, name: "The shop", now: fleet.now + 5 });

    expect([made.created, changed.created]).toEqual([true, false]);
    expect(await fleet.store.view(() => readProject(ORG, "shop"))).toEqual({
      org_id: ORG,
      id: "shop",
      name: "The shop",
      task_type: "code",
      repo: '{"url":"x"}',
      env: '{"A":"1"}',
      commands: "{}",
      approvals: null,
      created_at: fleet.now,
      updated_at: fleet.now + 5,
    });
  });

  it("takes the repository away when told null", async () => {
    await using fleet = await Fleet.open();
    await fleet.store.run("putProject", { orgId: ORG, id: "shop", repo: "{}", now: fleet.now });

    const { row } = await fleet.store.run("putProject", { orgId: ORG, id: "shop", repo: null, now: fleet.now });

    expect(row.repo).toBeNull();
  });

  it("keeps projects of the same name in two orgs apart", async () => {
    await using fleet = await Fleet.open();
    await fleet.store.run("putProject", { orgId: ORG, id: "shop", name: "one", now: fleet.now });

    const other = await fleet.store.run("putProject", { orgId: "org-b", id: "shop", name: "two", now: fleet.now });

    expect(other.created).toBe(true);
    expect((await fleet.store.view(() => readProject(ORG, "shop")))?.name).toBe("one");
  });
});

describe("secrets", () => {
  const secret = { orgId: ORG, projectId: "shop", scope: "deploy", name: "TOKEN", version: 1 };

  async function withProject(): Promise<Fleet> {
    const fleet = await Fleet.open();
    await fleet.store.run("putProject", { orgId: ORG, id: "shop", now: fleet.now });
    return fleet;
  }

  it("are kept sealed, by scope, and replaced under their name", async () => {
    await using fleet = await withProject();
    await fleet.store.run("putSecret", { ...secret, sealed: Buffer.from("a"), now: fleet.now });
    await fleet.store.run("putSecret", { ...secret, scope: "other", sealed: Buffer.from("b"), now: fleet.now });

    await fleet.store.run("putSecret", { ...secret, version: 2, sealed: Buffer.from("c"), now: fleet.now });

    const rows = await fleet.store.view(() => readSecrets(ORG, "shop", "deploy"));
    expect(rows.map(({ version, sealed }) => [version, Buffer.from(sealed).toString()])).toEqual([[2, "c"]]);
    expect(await fleet.store.view(() => readSecrets(ORG, "shop"))).toHaveLength(2);
  });

  it("are forgotten once", async () => {
    await using fleet = await withProject();
    await fleet.store.run("putSecret", { ...secret, sealed: Buffer.from("a"), now: fleet.now });

    const told = [await fleet.store.run("deleteSecret", secret), await fleet.store.run("deleteSecret", secret)];

    expect(told).toEqual([true, false]);
  });

  it.each([{ projectId: "other" }, { orgId: "org-b" }])(
    "belong to a project that is there, not to %j",
    async (over) => {
      await using fleet = await withProject();

      const put = fleet.store.run("putSecret", { ...secret, sealed: Buffer.from("a"), now: fleet.now, ...over });
      const deleted = fleet.store.run("deleteSecret", { ...secret, ...over });

      await expect(put).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
      await expect(deleted).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
    },
  );
});
