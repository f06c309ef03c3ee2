import { GitHttpsServer } from "@signalbox/testkit";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { grantOf } from "./_support/grants.ts";
import { startFleet } from "./_support/fleet.ts";
import { makeRepository } from "./_support/git-repository.ts";

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
