import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseManifest } from "../manifest/parse-manifest.ts";
import { explainRoute } from "./explain-route.ts";
import { InvalidRouteRequestError } from "./route-request-schema.ts";
import type { RouteRequest } from "./route-request-schema.ts";
import { routeRequest } from "./route-request.ts";
import type { RoutablePlugin } from "./route-request.ts";

describe("routeRequest", () => {
  it("ranks by domains, contexts, patterns, integrations, keywords and paths, and says what counted", () => {
    const backend = plugin("backend", {
      capabilities: { domains: ["backend", "api"], contexts: ["python"], integrations: ["mongodb"] },
      routing: { keywords: ["fastapi", "endpoint"], contextPatterns: ["**/*.py"] },
    });
    const frontend = plugin("frontend", { routing: { keywords: ["react"], contextPatterns: ["**/*.tsx"] } });

    const route = routeRequest(
      {
        requestId: "r1",
        text: "Add an endpoint to the FastAPI app, and a React page",
        domains: ["Backend"],
        contexts: ["python"],
        paths: ["app/main.py", "app/users.py", "web/page.tsx", "README.md"],
      },
      [frontend, backend],
    );

    expect(route.candidates).toEqual([
      {
        pluginId: "backend",
        score: 32,
        priority: 100,
        matches: [
          { kind: "domain", term: "backend", points: 10 },
          { kind: "context", term: "python", points: 6 },
          { kind: "keyword", term: "fastapi", points: 3 },
          { kind: "keyword", term: "endpoint", points: 3 },
          { kind: "path", term: "**/*.py", points: 10 },
        ],
      },
      {
        pluginId: "frontend",
        score: 8,
        priority: 100,
        matches: [
          { kind: "keyword", term: "react", points: 3 },
          { kind: "path", term: "**/*.tsx", points: 5 },
        ],
      },
    ]);
  });

  it("lets priority, then the name decide between equal scores, whatever order the plugins come in", () => {
    const all = [
      plugin("b", { routing: { keywords: ["x"] } }),
      plugin("c", { routing: { keywords: ["x"], priority: 500 } }),
      plugin("a", { routing: { keywords: ["x"] } }),
    ];

    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 3 }), (plugins) => {
        expect(ids(routeRequest({ requestId: "r", text: "x" }, plugins))).toEqual(["c", "a", "b"]);
      }),
    );
  });

  it("does not reward a plugin for listing every word there is, or one twice", () => {
    const words = ["a", "b", "c", "d", "e", "f", "g"];
    const stuffed = plugin("stuffed", { routing: { keywords: [...words, "A"] } });
    const honest = plugin("honest", { capabilities: { domains: ["d"] }, routing: { keywords: ["a", "b"] } });

    const route = routeRequest({ requestId: "r", text: words.join(" "), domains: ["d"] }, [stuffed, honest]);

    expect(route.candidates.map(({ pluginId, score }) => [pluginId, score])).toEqual([
      ["honest", 16],
      ["stuffed", 15],
    ]);
    expect(route.candidates[1]?.matches.map(({ points }) => points)).toEqual([3, 3, 3, 3, 3, 0, 0]);
  });

  it.each<[string, Partial<RoutablePlugin>, string]>([
    ["is stopped", { isRunning: false }, "not-running"],
    ["has an open circuit", { breaker: "open" }, "breaker-open"],
  ])("leaves out a plugin that %s", (_what, state, obstacle) => {
    const route = routeRequest({ requestId: "r", text: "x" }, [{ ...fitting("a"), ...state }, fitting("b")]);

    expect(ids(route)).toEqual(["b"]);
    expect(obstaclesIn(route)).toEqual({ a: [obstacle] });
  });

  it("asks a plugin whose circuit is half-open: somebody must find out", () => {
    expect(ids(routeRequest({ requestId: "r", text: "x" }, [{ ...fitting("a"), breaker: "half-open" }]))).toEqual([
      "a",
    ]);
  });

  it("heeds acceptsRoutingFrom, where nobody named is anybody and the host is always welcome", () => {
    const choosy = fitting("choosy", { acceptsRoutingFrom: ["boss"] });
    const open = fitting("open");
    const ask = (from?: string) => routeRequest({ requestId: "r", text: "x", ...(from && { from }) }, [choosy, open]);

    expect([ids(ask()), ids(ask("boss")), ids(ask("stranger"))]).toEqual([
      ["choosy", "open"],
      ["choosy", "open"],
      ["open"],
    ]);
    expect(obstaclesIn(ask("stranger"))).toEqual({ choosy: ["not-accepted"] });
  });

  it("heeds canRouteTo of a plugin that asks, where nobody named is nobody", () => {
    const leaf = fitting("leaf");
    const boss = fitting("boss", { canRouteTo: ["leaf"] });
    const ask = (from: string) => routeRequest({ requestId: "r", text: "x", from }, [leaf, boss]);

    expect([ids(ask("boss")), ids(ask("leaf"))]).toEqual([["leaf"], []]);
    expect(obstaclesIn(ask("leaf"))).toEqual({ leaf: ["is-asking"], boss: ["not-allowed"] });
  });

  it("leaves out what lacks a required capability, and counts the required ones", () => {
    const both = plugin("both", { capabilities: { domains: ["api", "web"], integrations: ["MongoDB"] } });
    const one = plugin("one", { capabilities: { domains: ["api"] } });
    const requires = { domains: ["API"], integrations: ["mongodb"] };

    const route = routeRequest({ requestId: "r", requires }, [one, both]);

    expect(route.candidates).toMatchObject([{ pluginId: "both", score: 14 }]);
    expect(route.leftOut[0]?.obstacles).toEqual([{ kind: "lacks-required", detail: "it lacks integration mongodb" }]);
  });

  it("leaves out what nothing fits, whatever its priority", () => {
    const loud = plugin("loud", { routing: { priority: 1_000, keywords: ["y"] } });

    expect(obstaclesIn(routeRequest({ requestId: "r", text: "x" }, [loud]))).toEqual({ loud: ["no-match"] });
  });

  it("names every obstacle, not the first", () => {
    const far = { ...fitting("far", { acceptsRoutingFrom: ["boss"] }), isRunning: false, breaker: "open" } as const;

    expect(obstaclesIn(routeRequest({ requestId: "r", from: "stranger" }, [far]))).toEqual({
      far: ["not-running", "breaker-open", "not-accepted", "no-match"],
    });
  });

  it.each<[unknown, string]>([
    [{}, "requestId: wanted a string, found nothing"],
    [{ requestId: "r", path: ["a"] }, "path: wanted the key `paths`"],
    [{ requestId: "r\n" }, "requestId: wanted an id without control characters"],
    [{ requestId: "r", paths: Array.from({ length: 101 }, () => "a") }, "paths: wanted at most 100 entries"],
    [
      { requestId: "r", paths: Array.from({ length: 17 }, () => "a".repeat(1_000)) },
      "paths: wanted at most 16384 characters in all",
    ],
    [{ requestId: "r", text: "a".repeat(100_001) }, "text: wanted at most 100000 characters, found 100001 characters"],
    [{ requestId: "r", from: "a/b" }, "from: wanted 1 to 64 letters"],
    [null, "it: wanted an object, found null"],
  ])("refuses a request that is none", (request, message) => {
    const route = () => routeRequest(request as RouteRequest, []);

    expect(route).toThrow(InvalidRouteRequestError);
    expect(route).toThrow(message);
  });

  it("answers in good time when request and manifests are as large and hostile as they may be", () => {
    const globs = Array.from({ length: 50 }, (_, i) => `*${"a".repeat(250)}b${i}`);
    const hostile = Array.from({ length: 10 }, (_, i) => plugin(`p${i}`, { routing: { contextPatterns: globs } }));
    const paths = Array.from({ length: 16 }, () => "a".repeat(1_024));

    const start = performance.now();
    routeRequest({ requestId: "r", text: "a ".repeat(50_000), paths }, hostile);

    // 8,000 matches of a kilobyte each.
    expect(performance.now() - start).toBeLessThan(8_000);
  });
});

describe("explainRoute", () => {
  const route = routeRequest({ requestId: "r1", text: "x y", from: "boss" }, [
    fitting("first", { keywords: ["x", "y"] }),
    fitting("second"),
    { ...fitting("far", { acceptsRoutingFrom: ["other"] }), isRunning: false },
  ]);

  it("tells who is asked and why, who is not and why not", () => {
    expect(explainRoute(route)).toBe(
      [
        "request r1",
        "first: asked first, score 6, priority 100",
        "  + keyword x: 3",
        "  + keyword y: 3",
        "second: fallback 1, score 3, priority 100",
        "  + keyword x: 3",
        "far: not asked",
        "  - it is not running",
        "  - its acceptsRoutingFrom names other, not boss",
        "  + keyword x: 3",
      ].join("\n"),
    );
  });

  it.each([
    ["second", "second: fallback 1, score 3, priority 100\n  + keyword x: 3"],
    ["nobody\u202e", String.raw`nobody\u{202e} is not a plugin that was looked at`],
  ])("tells what became of one: %s", (pluginId, text) => {
    expect(explainRoute(route, pluginId)).toBe(text);
  });

  it("says it when there is nobody", () => {
    expect(explainRoute(routeRequest({ requestId: "r" }, []))).toBe("request r\nno plugin can be asked");
  });
});

function plugin(name: string, fields: object = {}): RoutablePlugin {
  return { manifest: parseManifest({ name, version: "1.0.0", ...fields }), isRunning: true };
}

/** One that the text `x` fits. */
function fitting(name: string, routing: object = {}): RoutablePlugin {
  return plugin(name, { routing: { keywords: ["x"], ...routing } });
}

function ids(route: ReturnType<typeof routeRequest>): string[] {
  return route.candidates.map(({ pluginId }) => pluginId);
}

function obstaclesIn(route: ReturnType<typeof routeRequest>): Record<string, string[]> {
  return Object.fromEntries(
    route.leftOut.map(({ pluginId, obstacles }) => [pluginId, obstacles.map(({ kind }) => kind)]),
  );
}
