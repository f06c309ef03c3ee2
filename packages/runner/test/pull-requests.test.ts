import { FakeGitHub, type FakeAnswer } from "@signalbox/testkit";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { PublishBench, WHEN } from "./_support/publish-bench.ts";

/** A bench whose owner has a token for a fake of GitHub, which gives these answers first. */
async function onGitHub(...answers: FakeAnswer[]) {
  const stack = new AsyncDisposableStack();
  const at = stack.use(await PublishBench.open());
  const github = stack.use(await FakeGitHub.start());
  github.answers.push(...answers);
  writeFileSync(at.file("token"), github.token);
  const repositories = { [at.order.remote]: "acme/app" };
  const publisher = at.publisher({ github: { apiUrl: github.url, tokenFile: at.file("token"), repositories } });
  const publish = () => at.publish({ pullRequest: { title: "T", body: "" } }, publisher);
  return { at, github, publish, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}

const opens = ({ calls }: FakeGitHub): number => calls.filter((call) => call.startsWith("POST")).length;

describe("a pull request", () => {
  it.each([
    ["a token that is not taken", { status: 401, message: "Bad credentials" }, "PR_AUTH", "permission_error"],
    ["a token that may not", { status: 403, message: "Resource not accessible" }, "PR_FORBIDDEN", "permission_error"],
    ["a repository that is not there", { status: 404, message: "Not Found" }, "PR_NOT_FOUND", "missing_dependency"],
    ["what the host does not want", { status: 422, message: "Validation Failed" }, "PR_REFUSED", "tool_failure"],
  ] satisfies [string, FakeAnswer, string, string][])(
    "is not opened with %s, and not tried again",
    async (_, answer, kind, reason) => {
      await using world = await onGitHub(answer);

      await expect(world.publish()).rejects.toMatchObject({
        kind,
        reason,
        message: expect.stringContaining(`${answer.status} ${answer.message}`) as string,
      });

      expect(world.github.calls).toHaveLength(1);
      expect(world.at.waits).toEqual([]);
    },
  );

  it.each([
    ["says for how long", { status: 403, headers: { "retry-after": "7" } }, 7_000],
    ["has no calls left", limitedUntil(30), 30_000],
    ["says no more than that", { status: 429 }, 1_000],
    ["breaks down", { status: 502 }, 1_000],
  ] satisfies [string, FakeAnswer, number][])(
    "is opened after a wait when the host wants to be left alone, and %s",
    async (_, answer, waitMs) => {
      await using world = await onGitHub(answer);

      const { pullRequest } = await world.publish();

      expect(pullRequest?.number).toBe(1);
      expect(world.at.waits).toEqual([waitMs]);
      expect(opens(world.github)).toBe(1);
    },
  );

  it.each([
    ["keeps breaking down", Array.from({ length: 9 }, () => ({ status: 503 })), "PR_UNAVAILABLE", 4],
    ["asks for too long a wait", [limitedUntil(3_600)], "PR_RATE_LIMITED", 1],
  ] satisfies [string, FakeAnswer[], string, number][])(
    "is given up for a host that %s",
    async (_, answers, kind, calls) => {
      await using world = await onGitHub(...answers);

      await expect(world.publish()).rejects.toMatchObject({ kind, reason: "tool_failure" });

      expect(world.github.calls).toHaveLength(calls);
    },
  );

  it("is found, and not opened twice, when the answer to its opening was lost", async () => {
    await using world = await onGitHub();
    const { github } = world;
    let isFirst = true;
    github.onCall = (call) => {
      if (call.startsWith("POST") && isFirst) github.answers.push({ status: 502, isDone: true });
      if (call.startsWith("POST")) isFirst = false;
    };

    const { pullRequest } = await world.publish();

    expect(pullRequest?.number).toBe(1);
    expect(github.pulls).toHaveLength(1);
    expect(opens(github)).toBe(1);
  });

  it("is the one that is there, whoever opened it", async () => {
    await using world = await onGitHub();
    world.github.pulls.push({ number: 7, head: "agent/two", base: "main", title: "Before", body: "" });

    const { pullRequest } = await world.publish();

    expect(pullRequest?.number).toBe(7);
    expect(opens(world.github)).toBe(0);
  });

  it("tells nobody the token, also when the host repeats it", async () => {
    await using world = await onGitHub();
    world.github.answers.push({ status: 422, message: `who says ${world.github.token}?` });

    await expect(world.publish()).rejects.toMatchObject({
      message: expect.stringContaining("who says [redacted:GITHUB_TOKEN]?") as string,
    });
  });
});

/** As GitHub says that there are no calls left for so many seconds. */
function limitedUntil(seconds: number): FakeAnswer {
  const resetAt = String(Date.parse(WHEN) / 1_000 + seconds);
  return { status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": resetAt } };
}
