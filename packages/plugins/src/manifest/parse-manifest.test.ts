import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guideManifest } from "../../test/_support/manifests.ts";
import { ManifestError } from "./manifest-error.ts";
import { parseManifest } from "./parse-manifest.ts";

const minimal = { name: "leaf", version: "1.0.0" };

describe("parseManifest", () => {
  it("takes the guide's manifest, with topics in slashes and the breaker's window filled in", () => {
    const manifest = parseManifest(guideManifest);

    expect(manifest).toEqual({
      ...guideManifest,
      communication: {
        ...guideManifest.communication,
        messagebus: {
          enabled: true,
          topics: ["plugin/your-plugin/request", "plugin/your-plugin/response", "plugin/your-plugin/events"],
          subscriptions: ["system/broadcast", "jira/orchestrator/commands"],
        },
      },
      errorHandling: {
        ...guideManifest.errorHandling,
        circuitBreaker: { ...guideManifest.errorHandling.circuitBreaker, monitoringWindow: 300_000 },
      },
    });
  });

  it("fills in a default for everything but name and version", () => {
    expect(parseManifest(minimal)).toEqual({
      name: "leaf",
      version: "1.0.0",
      capabilities: { domains: [], contexts: [], patterns: [], integrations: [] },
      routing: { priority: 100, keywords: [], contextPatterns: [], acceptsRoutingFrom: [], canRouteTo: [] },
      communication: {
        messagebus: { enabled: true, topics: [], subscriptions: [] },
        rpc: { enabled: false, methods: [] },
      },
      errorHandling: {
        circuitBreaker: {
          enabled: true,
          threshold: 5,
          timeout: 60_000,
          halfOpenRetries: 3,
          monitoringWindow: 300_000,
        },
        retryPolicy: { maxRetries: 3, backoff: "exponential", initialDelay: 1_000, maxDelay: 10_000 },
      },
    });
  });

  it("leaves alone what other readers of the file have in it", () => {
    const claudeCode = {
      description: "Makes endpoints",
      author: { name: "A" },
      homepage: "https://plugins.example",
      keywords: ["x"],
      commands: ["./commands/deploy.md"],
      agents: "./agents",
      hooks: { PostToolUse: [] },
      mcpServers: { db: { command: "db" } },
      "x-anything": 1,
    };

    expect(parseManifest({ ...minimal, ...claudeCode })).toMatchObject({
      name: "leaf",
      description: "Makes endpoints",
    });
  });

  it("tells every problem at once: where, what was wanted and what was found", () => {
    const problems = problemsOf({
      name: "your-plugin",
      version: "one",
      capabilities: { domains: "backend", context: [] },
      routing: { priority: "high", keyword: [], contextPatterns: ["*.{js,ts}"], acceptsRoutingFrom: ["a/b"] },
      communication: {
        messagebus: { topics: ["plugin/other/events", "system/x", "a//b"], subscriptions: ["**"] },
        rpc: { endpoint: "plugin://other/rpc" },
      },
      errorHandling: { retryPolicy: { backoff: "random", initialDelay: 20_000 }, circuitBreaker: { threshold: 0 } },
      main: "../elsewhere.js",
      agents: ["./ok", "/etc/passwd"],
    });

    expect(problems).toEqual([
      'version: wanted a version such as 1.0.0, found "one"',
      'main: wanted a relative path inside the plugin\'s folder, found "../elsewhere.js"',
      'capabilities.domains: wanted a list, found "backend"',
      "capabilities.context: wanted the key `contexts`, found a key that is not known",
      'routing.priority: wanted a whole number from 0 to 1000, found "high"',
      'routing.contextPatterns[0]: wanted one glob for each alternative in place of braces, found "*.{js,ts}"',
      'routing.acceptsRoutingFrom[0]: wanted 1 to 64 letters, digits, `-` and `_`, the first a letter or digit, found "a/b"',
      "routing.keyword: wanted the key `keywords`, found a key that is not known",
      'communication.messagebus.topics[2]: wanted a topic ("a//b" is not a pattern: a level is empty), found "a//b"',
      'communication.messagebus.subscriptions[0]: wanted a topic whose first level is named, found "**"',
      "errorHandling.circuitBreaker.threshold: wanted a whole number from 1 to 1000, found 0",
      'errorHandling.retryPolicy.backoff: wanted one of "exponential", "fixed", found "random"',
      'communication.messagebus.topics[0]: wanted a topic of its own, `plugin/your-plugin/…`; whom it may ask stands in `routing.canRouteTo`, found "plugin/other/events"',
      'communication.messagebus.topics[1]: wanted a topic that plugins may publish; `system/**` is the host\'s, and can be subscribed to, found "system/x"',
      'communication.rpc.endpoint: wanted "plugin://your-plugin/rpc", found "plugin://other/rpc"',
      "errorHandling.retryPolicy.maxDelay: wanted at least the initialDelay of 20000, found 10000",
      'agents[1]: wanted a relative path inside the plugin\'s folder, found "/etc/passwd"',
    ]);
  });

  it.each([
    [{ capabilites: {} }, "capabilites: wanted `capabilities`"],
    [{ Routing: {} }, "Routing: wanted `routing`"],
    [{ errorHandlng: {} }, "errorHandlng: wanted `errorHandling`"],
    [{ routing: { speed: 1 } }, "routing.speed: wanted one of the keys priority, keywords, contextPatterns"],
    [{ communication: { messageBus: {} } }, "communication.messageBus: wanted the key `messagebus`"],
    [{ communication: { rpc: { method: [] } } }, "communication.rpc.method: wanted the key `methods`"],
    [{ errorHandling: { circuitBreaker: { treshold: 1 } } }, "circuitBreaker.treshold: wanted the key `threshold`"],
  ])("refuses the misspelt key in %j", (fields, message) => {
    expect(problemsOf({ ...minimal, ...fields }).join()).toContain(message);
  });

  it.each([
    "system/broadcast",
    "routing.decision",
    "system",
    "routing.>",
    "plugin/other/request",
    "plugin/*/events",
    "plugin/leaf",
    "plugin.**",
    "*/events",
    ">",
  ])("does not let a plugin publish %s", (topic) => {
    expect(problemsOf({ ...minimal, communication: { messagebus: { topics: [topic] } } })).toHaveLength(1);
  });

  it.each(["system/**", "routing/decision", "orchestration.*", "plugin/other/events", "plugin/*/status"])(
    "lets a plugin subscribe to %s",
    (topic) => {
      const messagebus = { subscriptions: [topic] };

      expect(problemsOf({ ...minimal, communication: { messagebus } })).toEqual([]);
    },
  );

  it.each(["system", "anonymous", "", "a.b", "a/b", "-a", "a".repeat(65), "ä", 7, null])(
    "refuses the name %j",
    (name) => {
      expect(problemsOf({ ...minimal, name })).toHaveLength(1);
    },
  );

  it("shows nothing hidden in what it says about hostile values", () => {
    const [problem] = problemsOf({ ...minimal, version: "1\u202e\u0007\u200b" });

    expect(problem).toBe(String.raw`version: wanted a version such as 1.0.0, found "1\u{202e}\u0007\u{200b}"`);
  });

  it("tells of at most 50 problems and how many more there are", () => {
    const keywords = Array.from({ length: 80 }, () => 1);

    const error = errorOf({ ...minimal, routing: { keywords } });

    expect(error?.problems).toHaveLength(50);
    expect(error?.message).toContain("80 problems:");
    expect(error?.message).toContain("and 30 more");
  });

  it("refuses what has more entries, or longer ones, than the limits allow", () => {
    const long = { keywords: ["a".repeat(65)], contextPatterns: Array.from({ length: 51 }, (_, i) => `${i}`) };

    expect(problemsOf({ ...minimal, routing: long })).toEqual([
      "routing.keywords[0]: wanted a keyword of 1 to 64 characters, found 65 characters",
      "routing.contextPatterns: wanted at most 50 entries, found a list of 51",
    ]);
  });

  it("answers whatever comes in with a manifest or a ManifestError", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
    });
    const field = (value: unknown): fc.Arbitrary<unknown> =>
      value !== null && typeof value === "object" && !Array.isArray(value)
        ? fc.oneof(
            { weight: 9, arbitrary: fc.record(mapValues(value, field), { requiredKeys: [] }) },
            { weight: 1, arbitrary: anything },
          )
        : fc.oneof({ weight: 9, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: anything });

    fc.assert(
      fc.property(fc.oneof(anything, field(guideManifest)), (value) => {
        expect(() => errorOf(value)).not.toThrow();
      }),
      { numRuns: 1_000 },
    );
  });
});

function mapValues<Result>(value: object, change: (field: unknown) => Result): Record<string, Result> {
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, change(field)]));
}

function problemsOf(value: unknown): string[] {
  const problems = errorOf(value)?.problems ?? [];
  return problems.map(({ path, wanted, found }) => `${path}: wanted ${wanted}, found ${found}`);
}

function errorOf(value: unknown): ManifestError | undefined {
  try {
    parseManifest(value);
    return undefined;
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
}
