import { GitHttpsServer } from "@signalbox/testkit";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";

import type { GitAccessSettingsInput } from "../src/git-access/git-access-settings.ts";
import { PublishBench } from "./_support/publish-bench.ts";

const TOKEN = "the-token-of-the-owner/with=signs";
const USER = "the-bot";

/** A bench whose repository git's own server gives out over https, to whoever has the token. */
async function overHttps() {
  const stack = new AsyncDisposableStack();
  const at = stack.use(await PublishBench.open());
  const server = stack.use(await GitHttpsServer.start({ root: dirname(at.bare), username: USER, password: TOKEN }));
  writeFileSync(at.file("ca.pem"), server.caCertificate);
  writeFileSync(at.file("git.token"), `${TOKEN}\n`, { mode: 0o600 });
  const remote = `${server.url}bare`;
  const credentials = [{ url: server.url, username: USER, tokenFile: at.file("git.token") }];
  const access: GitAccessSettingsInput = { caFile: at.file("ca.pem"), credentials };
  const publish = (more: Partial<GitAccessSettingsInput> = {}, order: { branch?: string; remote?: string } = {}) =>
    at.publish({ remote, ...order }, at.publisherWith({ ...access, ...more }));
  return { at, server, remote, publish, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}

/** Every process of this machine, as any of its users sees it, with its environment as the same user does. */
function processes(): string {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => read(`/proc/${pid}/cmdline`) + read(`/proc/${pid}/environ`))
    .join("\n");
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It is gone by now, or another user's.
    return "";
  }
}

function hook(bare: string, text: string): void {
  mkdirSync(`${bare}/hooks`, { recursive: true });
  writeFileSync(`${bare}/hooks/pre-receive`, `#!/bin/sh\n${text}\n`);
  chmodSync(`${bare}/hooks/pre-receive`, 0o755);
}

describe("publishing over https", () => {
  it("reads and pushes with the owner's token, which is in no argument, environment, file or word", async () => {
    await using world = await overHttps();
    const { at, server, remote, publish } = world;
    const seen: string[] = [];
    const files: string[] = [];
    // grep ends with 1 where it finds nothing, which is what should be.
    server.onRequest = () => {
      seen.push(processes());
      files.push(
        execFileSync("sh", ["-c", 'grep -rlF "$TOKEN" "$FOLDER" || true'], {
          encoding: "utf8",
          env: { PATH: process.env["PATH"], TOKEN, FOLDER: at.file("publish") },
        }),
      );
    };

    const { commit } = await publish();

    const forms = [TOKEN, Buffer.from(TOKEN).toString("base64"), Buffer.from(`${USER}:${TOKEN}`).toString("base64")];
    expect(at.refs()).toContain(`${commit} commit\trefs/heads/agent/two`);
    expect(seen.some((text) => text.includes(remote))).toBe(true);
    expect(forms.filter((form) => seen.some((text) => text.includes(form)))).toEqual([]);
    expect(files.join("")).toBe("");
    expect(at.said.join("")).not.toContain(TOKEN);
  });

  it.each([
    ["another token", "another-token", 1],
    ["no token", undefined, 0],
  ])("says so where it has %s, and does not insist", async (_, token, tries) => {
    await using world = await overHttps();
    const { at, server, publish } = world;
    if (token !== undefined) writeFileSync(at.file("git.token"), token);
    const before = at.refs();

    const trying = publish(token === undefined ? { credentials: [] } : {});

    const error = await trying.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: "GIT_AUTH", reason: "permission_error" });
    expect(String(error)).not.toContain("another-token");
    expect(server.requests.filter(({ authorization }) => authorization !== undefined)).toHaveLength(tries);
    expect(server.requests.length).toBeLessThanOrEqual(3);
    expect(at.refs()).toBe(before);
  });

  it("gives the token to no other server than it is for", async () => {
    await using world = await overHttps();
    const { at, server, publish } = world;
    const credentials = [{ url: "https://git.example/", username: USER, tokenFile: at.file("git.token") }];

    await expect(publish({ credentials })).rejects.toMatchObject({ kind: "GIT_AUTH" });

    expect(server.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it("says what the remote's hook says, without what is secret, and that it was the remote", async () => {
    await using world = await overHttps();
    const { at, publish } = world;
    hook(at.bare, `echo "agents may not push here; your token is ${TOKEN}" >&2; exit 1`);

    const error: unknown = await publish().catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ kind: "PUSH_DECLINED", reason: "tool_failure" });
    expect(String(error)).toContain("agents may not push here; your token is [redacted:GIT_TOKEN]");
    expect(String(error)).not.toContain(TOKEN);
  });

  it("leaves a branch with other commits as it is", async () => {
    await using world = await overHttps();
    const { at, publish } = world;
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", at.bare, "-c", "user.name=t", "-c", "user.email=t@t", ...args], { encoding: "utf8" });
    git("branch", "taken", git("commit-tree", "main^{tree}", "-m", "another").trim());
    const before = at.refs();

    await expect(publish({}, { branch: "taken" })).rejects.toMatchObject({ kind: "NON_FAST_FORWARD" });

    expect(at.refs()).toBe(before);
  });

  it("tells a repository that is not there from a server that is not", async () => {
    await using world = await overHttps();
    const { server, publish } = world;

    const missing = publish({}, { remote: `${server.url}nothing` });

    await expect(missing).rejects.toMatchObject({ kind: "GIT_NOT_FOUND", reason: "missing_dependency" });
    const away = publish({}, { remote: "https://127.0.0.1:1/bare" });
    await expect(away).rejects.toMatchObject({ kind: "GIT_UNREACHABLE", reason: "tool_failure" });
  });

  it("believes no server that the owner's authorities do not vouch for", async () => {
    await using world = await overHttps();
    const { at, publish } = world;
    await using stranger = await overHttps();
    writeFileSync(at.file("ca.pem"), stranger.server.caCertificate);

    await expect(publish()).rejects.toMatchObject({ kind: "GIT_UNREACHABLE" });
  });
});
