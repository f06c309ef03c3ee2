import { tempDir, type TempDir } from "@signalbox/testkit";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { GitAccessSettingsSchema, type GitAccessSettingsInput } from "../../src/git-access/git-access-settings.ts";
import { GitAccess } from "../../src/git-access/git-access.ts";
import { publisherOf, type Publisher, type PublishOrder } from "../../src/publish/publisher.ts";
import type { PublishSettingsInput } from "../../src/publish/publish-settings.ts";
import { makeRepository } from "./git-repository.ts";

/** When the commits of a bench are made. */
export const WHEN = "2026-11-21T08:00:00.000Z";

/** A bare repository, a change to it as a pack, and a publisher whose owner lets it push there. */
export class PublishBench implements AsyncDisposable {
  readonly bare: string;
  readonly order: PublishOrder;
  readonly said: string[] = [];
  /** How long it waited between tries; nothing here takes that time. */
  readonly waits: number[] = [];
  readonly #dir: TempDir;
  readonly #blobs = new Map<string, Buffer>();

  static async open(): Promise<PublishBench> {
    return new PublishBench(await tempDir("signalbox-publish-"));
  }

  private constructor(dir: TempDir) {
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

  publisher(settings: Partial<PublishSettingsInput> = {}, access: GitAccessSettingsInput = {}): Publisher {
    const made = publisherOf(
      { remotes: [this.order.remote], ...settings },
      {
        access: new GitAccess(GitAccessSettingsSchema.parse(access)),
        directory: this.#dir.file("publish"),
        blobs: {
          get: async (sha256) => [this.#blobs.get(sha256) ?? Buffer.alloc(0)] as unknown as AsyncIterable<Uint8Array>,
        },
        path: process.env["PATH"] ?? "",
        hostEnvironment: {},
        now: () => Date.parse(WHEN),
        wait: async (ms) => void this.waits.push(ms),
        policy: { allowFileRepositories: true, network: "host" },
      },
    );
    if (!made) throw new Error("there is no publisher");
    return made;
  }

  /** A publisher that reaches remotes as its owner's git does. */
  publisherWith(access: GitAccessSettingsInput, settings: Partial<PublishSettingsInput> = {}): Publisher {
    return this.publisher({ remotes: ["*"], ...settings }, access);
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
