import { describe, expect, it } from "vitest";

import { AT, runner } from "./_support/canned.ts";
import { fakeApi, refusal } from "./_support/fake-api.ts";
import { signalbox } from "./_support/run-signalbox.ts";

const project = {
  id: "web",
  orgId: "default",
  name: "Web",
  env: { MODE: "ci" },
  commands: { "gate:test": { shell: "make test" } },
  approvals: { selfApproval: "allowed", approvers: [] },
  secrets: { deploy: ["TOKEN"] },
  createdAt: AT,
  updatedAt: AT,
};
const token = { id: "tok_1", orgId: "default", name: "ci", scopes: ["runs:write"], createdAt: AT };

describe("signalbox runners", () => {
  it("lists, drains and removes machines", async () => {
    await using api = await fakeApi({
      "GET /runners": () => ({
        items: [runner({ hostname: "b\u001b[31m1" })],
        total: 1,
        page: 1,
        pageSize: 200,
        hasMore: false,
      }),
      "POST /runners/:id/drain": () => runner({ status: "draining" }),
      "DELETE /runners/:id": () => runner({ status: "retired" }),
    });

    const list = await signalbox(["runners", "--server", api.url]);
    const drained = await signalbox(["runners", "drain", "rnr_1", "--server", api.url]);
    const removed = await signalbox(["runners", "remove", "rnr_1", "--reason", "old", "--server", api.url]);

    expect(list.stdout).toMatch(/\nrnr_1 {3}online {2}2\/5 {3}never {2}b1 {4}codex {3}os=linux\n$/);
    expect([drained.stdout, removed.stdout]).toEqual(["rnr_1 is draining\n", "rnr_1 is retired\n"]);
    expect(api.heard.at(-1)?.query.get("reason")).toBe("old");
  });

  it("makes a token for a machine, alone on stdout", async () => {
    await using api = await fakeApi({
      "POST /runners/enrolment-tokens": () => ({ token: "sbe_x", expiresAt: "2126-01-01T00:00:00.000Z" }),
    });

    const { stdout } = await signalbox([
      "runners",
      "token",
      "--ttl",
      "10m",
      "-l",
      "os=linux",
      "-l",
      "gpu=no",
      "--server",
      api.url,
    ]);

    expect(stdout).toBe("sbe_x\n");
    expect(api.heard[0]?.body).toEqual({ ttlMs: 600_000, labels: { os: "linux", gpu: "no" } });
  });
});

describe("signalbox token", () => {
  it("makes, lists and revokes tokens", async () => {
    await using api = await fakeApi({
      "POST /tokens": () => ({ ...token, token: "sbx_secret" }),
      "GET /tokens": () => ({ items: [token] }),
      "DELETE /tokens/:id": () => ({ ...token, revokedAt: AT }),
    });

    const made = await signalbox([
      "token",
      "create",
      "ci",
      "--scope",
      "runs:write",
      "runs:read",
      "--expires",
      "90d",
      "--server",
      api.url,
    ]);
    const list = await signalbox(["token", "list", "--server", api.url]);
    const revoked = await signalbox(["token", "revoke", "tok_1", "--server", api.url]);

    expect(made.stdout).toBe("sbx_secret\n");
    expect(api.heard[0]?.body).toEqual({ name: "ci", scopes: ["runs:write", "runs:read"], expiresInMs: 7_776_000_000 });
    expect(list.stdout).toContain("tok_1  valid  ci    runs:write");
    expect(revoked.stdout).toBe("tok_1 is revoked\n");
  });

  it("shows where the local one is", async () => {
    const { stdout } = await signalbox(["token", "path"], { env: { SIGNALBOX_DATA_DIR: "/data" } });

    expect(stdout).toBe("/data/admin-token\n");
  });
});

const SET = { selfApproval: "refused", approvers: ["tok_a"] };

describe("signalbox projects", () => {
  it("changes what is named and leaves the rest", async () => {
    await using api = await fakeApi({ "GET /projects/:id": () => project, "PUT /projects/:id": () => project });

    await signalbox([
      "projects",
      "set",
      "web",
      "--env",
      "A=1",
      "--unset-env",
      "MODE",
      "--command",
      "deploy:prod=./deploy.sh",
      "--name",
      "Web",
      "--server",
      api.url,
    ]);

    expect(api.heard.at(-1)?.body).toEqual({
      name: "Web",
      env: { A: "1" },
      commands: { "gate:test": { shell: "make test" }, "deploy:prod": { shell: "./deploy.sh" } },
    });
  });

  it("begins with nothing for a project that is not there", async () => {
    await using api = await fakeApi({
      "GET /projects/:id": () => refusal(404, "PROJECT_NOT_FOUND"),
      "PUT /projects/:id": () => project,
    });

    await signalbox(["projects", "set", "web", "--env", "A=1=2", "--server", api.url]);

    expect(api.heard.at(-1)?.body).toEqual({ env: { A: "1=2" } });
  });

  it.each([
    [["--self-approval", "refused"], { selfApproval: "refused" }],
    [["--approver", "tok_a", "tok_b"], { approvers: ["tok_a", "tok_b"] }],
    [["--any-approver", "--self-approval", "allowed"], { selfApproval: "allowed", approvers: [] }],
  ])("says who may decide: %j", async (options, approvals) => {
    await using api = await fakeApi({ "PUT /projects/:id": () => ({ ...project, approvals: SET }) });

    const { stdout } = await signalbox(["projects", "set", "web", "--server", api.url, ...options]);

    expect(api.heard.at(-1)?.body).toEqual({ approvals });
    expect(stdout).toContain("approvals   by tok_a, but not by who asked for it");
  });

  it("takes a secret from stdin and never prints it", async () => {
    await using api = await fakeApi({
      "PUT /projects/:id/secrets/:scope/:name": () => ({ scope: "deploy", name: "TOKEN" }),
    });

    const { stdout, stderr } = await signalbox(["projects", "secret", "web", "deploy", "TOKEN", "--server", api.url], {
      stdin: "hunter2\n",
    });

    expect(api.heard[0]).toMatchObject({ path: "/projects/web/secrets/deploy/TOKEN", body: { value: "hunter2" } });
    expect(stdout + stderr).toBe("secret TOKEN of scope deploy is kept\n");
  });
});
