import { SshServer, whyNoSsh } from "@signalbox/testkit";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";

import { PublishBench } from "./_support/publish-bench.ts";

const why = whyNoSsh();
if (why !== undefined) console.warn(`publishing over ssh is not tested: ${why}`);

/** A bench whose repository an ssh server of its own gives out. */
async function overSsh() {
  const stack = new AsyncDisposableStack();
  const at = stack.use(await PublishBench.open());
  const server = stack.use(await SshServer.start(at.file("ssh")));
  const folder = at.file("it's the owner's");
  mkdirSync(folder);
  const own = (file: string): string => {
    copyFileSync(file, join(folder, basename(file)));
    chmodSync(join(folder, basename(file)), 0o600);
    return join(folder, basename(file));
  };
  const publish = (keyFile = own(server.keyFile), knownHostsFile = own(server.knownHostsFile)) =>
    at.publish({ remote: server.urlOf(at.bare) }, at.publisherWith({ ssh: { keyFile, knownHostsFile } }));
  return { at, publish, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}

describe.skipIf(why !== undefined)("publishing over ssh", () => {
  it("reads and pushes with the owner's key, to a host that the owner knows", async () => {
    await using world = await overSsh();
    const { at, publish } = world;

    const { commit } = await publish();

    expect(at.refs()).toContain(`${commit} commit\trefs/heads/agent/two`);
  });

  it("is let in with no other key", async () => {
    await using world = await overSsh();
    const { at, publish } = world;
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at.file("stranger")]);
    const before = at.refs();

    await expect(publish(at.file("stranger"))).rejects.toMatchObject({
      kind: "GIT_AUTH",
      reason: "permission_error",
      message: expect.stringContaining("Permission denied (publickey") as string,
    });
    expect(at.refs()).toBe(before);
  });

  it("speaks with no host that the owner has not written down", async () => {
    await using world = await overSsh();
    const { at, publish } = world;
    writeFileSync(at.file("nobody"), "");

    await expect(publish(undefined, at.file("nobody"))).rejects.toMatchObject({
      kind: "GIT_AUTH",
      message: expect.stringContaining("Host key verification failed") as string,
    });
  });
});
