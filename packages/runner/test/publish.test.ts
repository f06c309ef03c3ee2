import { tempDir, type TempDir } from "@signalbox/testkit";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";

import { publisherOf, type Publisher, type PublishOrder } from "../src/publish/publisher.ts";
import type { PublishSettingsInput } from "../src/publish/publish-settings.ts";
import { makeRepository } from "./_support/git-repository.ts";

const WHEN = "2026-11-21T08:00:00.000Z";

/** A bare repository, a change to it as a pack, and a publisher whose owner lets it push there. */
class Bench implements AsyncDisposable {
  readonly bare: string;
  readonly order: PublishOrder;
  readonly said: string[] = [];
  readonly #dir: TempDir;
  readonly #blobs = new Map<string, Buffer>();

  constructor(dir: TempDir) {
    this.#dir = dir;
    const { path, commit: base } = makeRepository(dir, { "a.txt": "one\n" }, "work");
    this.bare = dir.file("bare");
    execFileSync("git", ["clone", "--quiet", "--bare", path, this.bare], { stdio: "ignore" });
    writeFileSync(dir.file("work", "a.txt"), "two\n");
    const git = (...args: string[]) => execFileSync("git", ["-C", path, ...args], { encoding: "utf8" }).trim();
    git("add", "--all");
    const tree = git("write-tree");
    const pack = this.keep(
      execFileSync("git", ["-C", path, "pack-objects", "--revs", "--stdout", "-q"], { input: `${tree}\n^${base}\n` }),
    );
    const remote = pathToFileURL(this.bare).href;
    const message = "Two\n";
    this.order = { remote, base, tree, pack, branch: "agent/two", message, committedAt: WHEN, pullRequest: null };
  }

  keep(content: Buffer): { sha256: string; bytes: number } {
    const sha256 = createHash("sha256").update(content).digest("hex");
    this.#blobs.set(sha256, content);
    return { sha256, bytes: content.length };
  }

  /** What the control plane gives out under a name. */
  replace(sha256: string, content: Buffer): void {
    this.#blobs.set(sha256, content);
  }

  publisher(settings: Partial<PublishSettingsInput> = {}): Publisher {
    const made = publisherOf(
      { remotes: [this.order.remote], ...settings },
      {
        directory: this.#dir.file("publish"),
        blobs: {
          get: async (sha256) => [this.#blobs.get(sha256) ?? Buffer.alloc(0)] as unknown as AsyncIterable<Uint8Array>,
        },
        path: process.env["PATH"] ?? "",
        hostEnvironment: {},
        policy: { allowFileRepositories: true, network: "host" },
      },
    );
    if (!made) throw new Error("there is no publisher");
    return made;
  }

  async publish(order: Partial<PublishOrder> = {}, publisher = this.publisher()) {
    const say = async (text: string) => void this.said.push(text);
    return publisher.publish({ ...this.order, ...order }, { id: "att_1", signal: AbortSignal.timeout(20_000), say });
  }

  refs(): string {
    return execFileSync("git", ["-C", this.bare, "for-each-ref"], { encoding: "utf8" });
  }

  file(name: string): string {
    return this.#dir.file(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dir[Symbol.asyncDispose]();
  }
}

const bench = async () => new Bench(await tempDir("signalbox-publish-"));

describe("publishing", () => {
  it("makes the same commit however often it is tried, pushes it once, and leaves nothing on the machine", async () => {
    await using at = await bench();

    const first = await at.publish();
    const second = await at.publish();

    expect(second).toEqual(first);
    expect(at.said).toEqual([`pushed ${first.commit} to agent/two\n`, `agent/two is at ${first.commit} already\n`]);
    expect(readdirSync(at.file("publish"))).toEqual([]);
  });

  it.each([
    ["a pack that holds another tree", "envelope_mismatch"],
    ["a pack that arrives with other bytes", "envelope_mismatch"],
  ])("refuses %s", async (what, reason) => {
    await using at = await bench();
    const before = at.refs();
    const empty = execFileSync("git", ["-C", at.bare, "pack-objects", "--stdout", "-q"], { input: "" });
    const { pack } = at.order;
    if (what.includes("other bytes")) at.replace(pack.sha256, empty);

    const trying = at.publish(what.includes("other bytes") ? {} : { pack: at.keep(empty) });

    await expect(trying).rejects.toMatchObject({ reason });
    expect(at.refs()).toBe(before);
  });

  it.each([
    ["a repository that the owner does not name", { remotes: ["https://elsewhere.example/*"] }, {}],
    ["a branch of the owner's list", { protectedBranches: ["agent/*"] }, {}],
    [
      "the branch that the repository has as its default, whatever the list",
      { protectedBranches: [] },
      { branch: "main" },
    ],
    ["a pull request on another host", { github: { tokenFile: "token" } }, { pullRequest: { title: "T", body: "" } }],
  ] satisfies [string, Partial<PublishSettingsInput>, Partial<PublishOrder>][])(
    "refuses %s before anything is pushed",
    async (_, settings, order) => {
      await using at = await bench();
      writeFileSync(at.file("token"), "t");
      const { github, ...rest } = settings as Partial<PublishSettingsInput>;
      const owner = github ? { ...rest, github: { ...github, tokenFile: at.file("token") } } : rest;
      const before = at.refs();

      await expect(at.publish(order, at.publisher(owner))).rejects.toMatchObject({ reason: "policy_refused" });

      expect(at.refs()).toBe(before);
    },
  );

  it("is written by whom the owner says, at the time that was approved", async () => {
    await using at = await bench();

    const { commit } = await at.publish();

    expect(
      execFileSync("git", ["-C", at.bare, "show", "-s", "--format=%an %ae %at", commit], { encoding: "utf8" }),
    ).toBe(`Signalbox signalbox@localhost ${Date.parse(WHEN) / 1_000}\n`);
  });

  it("finds a pull request that another try opened between its look and its order", async () => {
    await using at = await bench();
    const heard: string[] = [];
    let looks = 0;
    const host = createServer((request, response) => {
      heard.push(`${request.method} ${request.headers.authorization}`);
      const say = (status: number, body: unknown) => void response.writeHead(status).end(JSON.stringify(body));
      if (request.method === "POST") return say(422, { message: "Validation Failed" });
      if (!request.url?.includes("/pulls")) return say(200, { default_branch: "main" });
      looks += 1;
      return say(200, looks === 1 ? [] : [{ number: 7, html_url: "https://host.example/acme/app/pull/7" }]);
    });
    await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
    writeFileSync(at.file("token"), "secret-token\n");
    const apiUrl = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
    const repositories = { [at.order.remote]: "acme/app" };
    const publisher = at.publisher({ github: { apiUrl, tokenFile: at.file("token"), repositories } });

    const { pullRequest } = await at.publish({ pullRequest: { title: "T", body: "" } }, publisher);
    host.close();

    expect(pullRequest).toEqual({ number: 7, url: "https://host.example/acme/app/pull/7" });
    expect(new Set(heard)).toEqual(new Set(["GET Bearer secret-token", "POST Bearer secret-token"]));
    expect(at.said.join("")).not.toContain("secret-token");
  });

  it("says what the host says when it opens none", async () => {
    await using at = await bench();
    const host = createServer(
      (_, response) => void response.writeHead(403).end(JSON.stringify({ message: "Forbidden" })),
    );
    await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
    writeFileSync(at.file("token"), "t");
    const apiUrl = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
    const repositories = { [at.order.remote]: "acme/app" };
    const publisher = at.publisher({ github: { apiUrl, tokenFile: at.file("token"), repositories } });

    const trying = at.publish({ pullRequest: { title: "T", body: "" } }, publisher);

    await expect(trying).rejects.toMatchObject({
      reason: "tool_failure",
      message: expect.stringContaining("403 Forbidden") as string,
    });
    host.close();
    expect(existsSync(at.file("publish/att_1"))).toBe(false);
    expect(readFileSync(at.file("token"), "utf8")).toBe("t");
  });
});
