import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";

import type { PublishOrder } from "../src/publish/publisher.ts";
import type { PublishSettingsInput } from "../src/publish/publish-settings.ts";
import { PublishBench, WHEN } from "./_support/publish-bench.ts";

const bench = () => PublishBench.open();

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
      writeFileSync(at.file("token"), "a-token");
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
    writeFileSync(at.file("token"), "a-token");
    const apiUrl = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
    const repositories = { [at.order.remote]: "acme/app" };
    const publisher = at.publisher({ github: { apiUrl, tokenFile: at.file("token"), repositories } });

    const trying = at.publish({ pullRequest: { title: "T", body: "" } }, publisher);

    await expect(trying).rejects.toMatchObject({
      reason: "permission_error",
      message: expect.stringContaining("403 Forbidden") as string,
    });
    host.close();
    expect(existsSync(at.file("publish/att_1"))).toBe(false);
    expect(readFileSync(at.file("token"), "utf8")).toBe("a-token");
  });
});
