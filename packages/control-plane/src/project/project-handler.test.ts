import { tempDir } from "@signalbox/testkit";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { command, dataOf, Rig, SECRETS_KEY } from "../../test/_support/rig.ts";
import { SecretVault } from "./secret-vault.ts";

describe("ProjectHandler.putProject", () => {
  it("makes a project, and changes only what the request names", async () => {
    await using rig = await Rig.open();

    const made = dataOf(
      await rig.plane.projects.putProject("p", {
        name: "P",
        env: { A: "1" },
        repo: { url: "https://example.com/r.git" },
      }),
    );
    const changed = dataOf(
      await rig.plane.projects.putProject("p", { commands: { "deploy:prod": { argv: ["./deploy"] } } }),
    );
    const cleared = dataOf(await rig.plane.projects.putProject("p", { repo: null }));

    expect([made.created, changed.created]).toEqual([true, false]);
    expect(changed).toMatchObject({
      name: "P",
      env: { A: "1" },
      repo: { url: "https://example.com/r.git" },
      commands: { "deploy:prod": { argv: ["./deploy"] } },
    });
    expect(cleared).not.toHaveProperty("repo");
  });

  it("says who may decide, and changes of that only what the request names", async () => {
    await using rig = await Rig.open();

    const made = dataOf(await rig.plane.projects.putProject("p", {}));
    await rig.plane.projects.putProject("p", { approvals: { selfApproval: "refused" } });
    await rig.plane.projects.putProject("p", { approvals: { approvers: ["tok_a", "tok_b", "tok_a"] } });
    await rig.plane.projects.putProject("p", { name: "P" });

    expect(made.approvals).toEqual({ selfApproval: "allowed", approvers: [] });
    expect(dataOf(await rig.plane.projects.getProject("p")).approvals).toEqual({
      selfApproval: "refused",
      approvers: ["tok_a", "tok_b"],
    });
  });

  it.each([
    ["a rule that is none", "p", { approvals: { selfApproval: "maybe" } }, "approvals.selfApproval"],
    ["another id in the body", "p", { id: "q" }, "id"],
    ["an id that is none", "../p", {}, "id"],
    ["a command for a tool that takes none", "p", { commands: { codegen: { argv: ["x"] } } }, "commands.codegen"],
    ["an entry whose name is none", "p", { env: { "A-B": "1" } }, "env.A-B"],
    ["a repository with a password", "p", { repo: { url: "https://me:secret@example.com/r.git" } }, "repo.url"],
  ])("refuses %s and says where", async (_, id, request, path) => {
    await using rig = await Rig.open();

    const { error } = await rig.plane.projects.putProject(id, request as never);

    expect(error?.code).toBe("VALIDATION_ERROR");
    expect(error?.details).toMatchObject({ issues: [{ path }] });
    expect(dataOf(await rig.plane.projects.listProjects()).total).toBe(0);
  });
});

describe("a secret", () => {
  const VALUE = "correct-horse-battery-staple-0123456789";

  async function withSecret(directory: string): Promise<Rig> {
    const rig = await Rig.open({ directory });
    for (const project of ["p", "q"]) dataOf(await rig.plane.projects.putProject(project, {}));
    dataOf(await rig.plane.projects.putSecret("p", "prod", "KEY", { value: VALUE }));
    return rig;
  }

  it("reaches the steps that name its scope, and no others", async () => {
    await using rig = await withSecret(":memory:");
    const runner = await rig.runner();
    await rig.createRun([command("with", { secretsScope: "prod", needs: [] })], { projectId: "p" });
    await rig.createRun([command("without", { needs: [] })], { projectId: "p" });
    await rig.createRun([command("elsewhere", { secretsScope: "prod", needs: [] })], { projectId: "q" });

    await runner.grant(2);

    expect(runner.grants.map(({ envelope, secrets }) => [envelope.step, secrets, envelope.secretNames])).toEqual([
      ["with", [{ name: "KEY", value: VALUE }], ["KEY"]],
      ["without", [], []],
      ["elsewhere", [], []],
    ]);
  });

  it("is nowhere in the files of the store, nor in what the API tells", async () => {
    await using directory = await tempDir();
    await using rig = await withSecret(directory.path);
    const runner = await rig.runner();
    const run = await rig.createRun([command("a", { secretsScope: "prod" })], { projectId: "p" });
    await runner.work(await runner.grant());

    for (const entry of await readdir(directory.path, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name === "signalbox.lock") continue;
      const bytes = await readFile(join(entry.parentPath, entry.name));
      expect([entry.name, bytes.includes(VALUE)]).toEqual([entry.name, false]);
    }
    const answers = [
      await rig.details(run.id),
      await rig.events(run.id),
      dataOf(await rig.plane.projects.getProject("p")),
    ];
    expect(JSON.stringify(answers)).not.toContain(VALUE);
    expect(dataOf(await rig.plane.projects.getProject("p")).secrets).toEqual({ prod: ["KEY"] });
  });

  // Red without `setAAD`: the seal would open wherever it lies.
  it("does not open when its row was changed in the database", async () => {
    await using directory = await tempDir();
    await using rig = await withSecret(directory.path);
    const vault = new SecretVault({ store: rig.store, key: SECRETS_KEY });
    const changes: [string, Parameters<SecretVault["open"]>][] = [
      ["project_id = 'q'", ["default", "q", "prod"]],
      ["scope = 'dev'", ["default", "p", "dev"]],
      ["name = 'PATH'", ["default", "p", "prod"]],
      ["version = version + 1", ["default", "p", "prod"]],
      ["org_id = 'other'", ["other", "p", "prod"]],
      ["sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB)", ["default", "p", "prod"]],
    ];

    for (const [change, where] of changes) {
      rig.editDatabase("DELETE FROM secrets");
      dataOf(await rig.plane.projects.putSecret("p", "prod", "KEY", { value: VALUE }));
      expect(await vault.open("default", "p", "prod")).toEqual([{ name: "KEY", value: VALUE }]);

      rig.editDatabase(`UPDATE secrets SET ${change}`);

      await expect(vault.open(...where)).rejects.toThrow(/authenticat/u);
    }
  });

  it("does not open with another key, and a key has 32 bytes", async () => {
    await using rig = await withSecret(":memory:");

    await expect(
      new SecretVault({ store: rig.store, key: new Uint8Array(32) }).open("default", "p", "prod"),
    ).rejects.toThrow(/auth/iu);
    expect(() => new SecretVault({ store: rig.store, key: new Uint8Array(31) })).toThrow("32 bytes");
  });

  it("is sealed differently each time, and replaced by its name", async () => {
    await using rig = await withSecret(":memory:");
    const sealed = async () =>
      (await rig.store.all<{ sealed: Uint8Array }>("SELECT sealed FROM secrets")).map((row) =>
        Buffer.from(row.sealed).toString("hex"),
      );
    const before = await sealed();

    dataOf(await rig.plane.projects.putSecret("p", "prod", "KEY", { value: VALUE }));
    const after = await sealed();

    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
    expect(after[0]?.slice(0, 24)).not.toBe(before[0]?.slice(0, 24));
  });

  it("can be forgotten, once", async () => {
    await using rig = await withSecret(":memory:");

    expect((await rig.plane.projects.deleteSecret("p", "prod", "KEY")).success).toBe(true);
    expect((await rig.plane.projects.deleteSecret("p", "prod", "KEY")).error?.code).toBe("NOT_FOUND");
    expect(dataOf(await rig.plane.projects.getProject("p")).secrets).toEqual({});
  });

  it.each([
    ["a scope that is none", "../x", "KEY", "v"],
    ["a name that is none", "prod", "A=B", "v"],
    ["no value", "prod", "KEY", ""],
  ])("is refused with %s", async (_, scope, name, value) => {
    await using rig = await withSecret(":memory:");

    expect((await rig.plane.projects.putSecret("p", scope, name, { value })).error?.code).toBe("VALIDATION_ERROR");
    expect((await rig.plane.projects.putSecret("absent", "prod", "KEY", { value: "v" })).error?.code).toBe(
      "PROJECT_NOT_FOUND",
    );
  });
});
