import { GitHttpsServer, SshServer, whyNoSsh } from "@signalbox/testkit";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { grantOf } from "./_support/grants.ts";
import { startFleet } from "./_support/fleet.ts";
import { makeRepository } from "./_support/git-repository.ts";

const whyNot = whyNoSsh();
if (whyNot !== undefined) console.warn(`private repositories over ssh are not tested: ${whyNot}`);

const TOKEN = "the-token-of-the-owner";

/** A repository that only who has the token may read, and a machine whose owner has written it down. */
async function privately(token = TOKEN) {
  const stack = new AsyncDisposableStack();
  const outside = stack.use(await startFleet());
  const { path } = makeRepository(outside.dir, { "a.txt": "private\n" }, "work");
  execFileSync("git", ["clone", "--quiet", "--bare", path, outside.dir.file("bare")], { stdio: "ignore" });
  const server = stack.use(
    await GitHttpsServer.start({ root: outside.dir.path, username: "x-access-token", password: TOKEN }),
  );
  writeFileSync(outside.dir.file("ca.pem"), server.caCertificate);
  writeFileSync(outside.dir.file("token"), token, { mode: 0o600 });
  const credentials = [{ url: server.url, tokenFile: outside.dir.file("token") }];
  const fleet = stack.use(await startFleet({ git: { caFile: outside.dir.file("ca.pem"), credentials } }));
  const run = async (shell: string) => {
    const envelope = { repo: { url: `${server.url}bare` } };
    const attempt = fleet.fake.offer(grantOf({ tool: "command", inputs: { shell }, envelope }));
    return { result: await fleet.fake.resultOf(attempt), out: fleet.fake.text(attempt) };
  };
  return { fleet, server, run, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}

describe("a private repository", () => {
  it("is read with the owner's token, which no step finds and nothing keeps", async () => {
    await using world = await privately();

    const look = "cat a.txt .git/config; env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '";
    const { result, out } = await world.run(look);

    expect(result.outcome).toBe("succeeded");
    expect(out).toMatch(/^private\n/);
    expect(out).not.toContain(TOKEN);
    expect(JSON.stringify(world.fleet.fake.received)).not.toContain(TOKEN);
    const keeps = execFileSync("sh", ["-c", 'grep -rlF "$TOKEN" "$FOLDER" || true'], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], TOKEN, FOLDER: world.fleet.dir.file("data") },
    });
    expect(keeps).toBe("");
  });

  it("is not read with another token, which is tried once", async () => {
    await using world = await privately("another-token");

    const { result } = await world.run("cat a.txt");

    expect(result).toMatchObject({
      outcome: "failed",
      reason: "permission_error",
      message: expect.stringContaining("GIT_AUTH") as string,
    });
    expect(world.server.requests.filter(({ authorization }) => authorization !== undefined)).toHaveLength(1);
  });
});

describe.skipIf(whyNot !== undefined)("a private repository over ssh", () => {
  it("is read with the owner's key, which no step finds", async () => {
    await using outside = await startFleet();
    const { path } = makeRepository(outside.dir, { "a.txt": "private\n" }, "work");
    await using server = await SshServer.start(outside.dir.file("ssh"));
    const { keyFile, knownHostsFile } = server;
    await using fleet = await startFleet({ git: { ssh: { keyFile, knownHostsFile } } });

    const shell = `cat a.txt; cat "${keyFile}" 2>&1 || true; git fetch --quiet origin 2>&1 || true`;
    const envelope = { repo: { url: server.urlOf(path) } };
    const attempt = fleet.fake.offer(grantOf({ tool: "command", inputs: { shell }, envelope }));
    const { outcome } = await fleet.fake.resultOf(attempt);

    const [, secret = ""] = readFileSync(keyFile, "utf8").split("\n");
    const out = fleet.fake.text(attempt);
    expect(outcome).toBe("succeeded");
    expect(out).toMatch(/^private\n/);
    // Without a sandbox a step reads what its user does.
    expect(out.includes(secret)).toBe(fleet.runner.status().sandbox === "none");
    expect(out).toContain("Could not read from remote repository");
  });
});
