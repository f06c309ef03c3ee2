import { getMessageBus } from "@signalbox/messagebus";
import { describe, expect, it } from "vitest";
import { CIRCUIT_BREAKER_LIMITS, CircuitBreaker, InvalidOptionError, type CircuitBreakerOptions } from "./index.ts";

const NUMBERS = [
  "threshold",
  "timeout",
  "halfOpenRetries",
  "monitoringWindow",
  "failureRate",
  "minimumCalls",
  "halfOpenConcurrency",
  "halfOpenTimeout",
  "maxTimeout",
  "timeoutFactor",
  "slowCallMs",
] as const;
const HOSTILE = [Number.NaN, -1, 0, Number.NEGATIVE_INFINITY, 1e300, "5", "", null, true, {}, [], 5n, () => 5];
const WHOLE = ["threshold", "halfOpenRetries", "minimumCalls", "halfOpenConcurrency"] as const;
const HOOKS = ["isFailure", "isFailureResult", "bus", "shared", "clock", "announce", "abortSlowCalls"] as const;

function refusal(name: unknown, options?: unknown): InvalidOptionError {
  try {
    void new CircuitBreaker(name as string, options as CircuitBreakerOptions);
  } catch (error) {
    if (error instanceof InvalidOptionError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

describe("The options of a circuit breaker", () => {
  it.each(NUMBERS.flatMap((name) => HOSTILE.map((value) => [name, value] as const)))("refuse %s %o", (name, value) => {
    const { message, code } = refusal("payments", { [name]: value });

    expect(message).toMatch(new RegExp(`^${name} of a circuit breaker is a (whole )?number from .* to .*, not `));
    expect(code).toBe("INVALID_OPTION");
  });

  it.each(NUMBERS.filter((name) => name !== "slowCallMs"))("refuse an endless %s", (name) => {
    expect(refusal("payments", { [name]: Number.POSITIVE_INFINITY }).message).toContain("not Infinity");
  });

  it.each(WHOLE)("refuse a fraction as %s", (name) => {
    expect(refusal("payments", { [name]: 2.5 }).message).toContain("a whole number");
  });

  it.each(HOOKS.flatMap((name) => ["text", 7, null].map((value) => [name, value] as const)))(
    "refuse %s %o",
    (name, value) => {
      expect(refusal("payments", { [name]: value }).message).toContain(`${name} of a circuit breaker is a`);
    },
  );

  it("refuse a name that they do not have, and say which there are", () => {
    const { message } = refusal("payments", { treshold: 5 });

    expect(message).toContain('has no option "treshold"; it has threshold, timeout');
  });

  it.each([[null], ["text"], [7], [[]]])("refuse to be %o", (options) => {
    expect(refusal("payments", options).message).toContain("the options of a circuit breaker are an object");
  });

  it("refuse what contradicts itself", () => {
    expect(refusal("payments", { threshold: 5, failureRate: 0.5 }).message).toContain("exclude each other");
    expect(refusal("payments", { timeout: 2_000, maxTimeout: 1_000 }).message).toContain("below timeout");
    expect(refusal("payments", { abortSlowCalls: true }).message).toContain("needs slowCallMs");
  });

  it("may be absent, undefined, and at their bounds", () => {
    const { value: most } = CIRCUIT_BREAKER_LIMITS["duration.maxMs"];
    const make = (options?: CircuitBreakerOptions) => new CircuitBreaker("payments", options).getState();

    const states = [
      make(),
      make({}),
      make({ threshold: undefined, bus: undefined, announce: undefined }),
      make({ threshold: 10_000, timeout: most, monitoringWindow: 1, failureRate: undefined }),
      make({ failureRate: 1, minimumCalls: 1, slowCallMs: Number.POSITIVE_INFINITY }),
    ];

    expect(new Set(states)).toEqual(new Set(["closed"]));
  });

  it("shows of a long value only its beginning", () => {
    expect(refusal("payments", { threshold: "9".repeat(1e6) }).message.length).toBeLessThan(200);
  });
});

describe("The name of a circuit breaker", () => {
  it.each([["a/b"], ["a.b"], ["*"], ["a b"], ["-a"], ["ü"], ["a".repeat(65)], ["__proto__"]])(
    "refuses %o where changes are announced, since it is one level of a topic",
    (name) => {
      expect(refusal(name).message).toMatch(
        /announces its changes on plugin\/<name>\/circuit-breaker, and .* with announce: false/,
      );
    },
  );

  it("may be any text where they are not", () => {
    const breaker = new CircuitBreaker("https://payments.example/v1", { announce: false });

    expect(breaker.name).toBe("https://payments.example/v1");
  });

  it.each([[""], [undefined], [7], [null], [{}], ["x".repeat(257)]])("is never %o", (name) => {
    expect(refusal(name, { announce: false }).message).toContain("a text of 1 to 256 characters");
  });

  it("is system only with the bus of the host", () => {
    expect(refusal("system").message).toContain("only the host of plugins speaks as system");
    expect(new CircuitBreaker("system", { bus: getMessageBus("host") }).getState()).toBe("closed");
  });
});
