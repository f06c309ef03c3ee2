import { BusError, checkPluginId } from "@signalbox/messagebus";
import type { AnnouncementBus } from "./announce.ts";
import { checkOptions, CLOCK, DURATION, show, type OptionRule } from "./check-options.ts";
import { steadyClock, systemClock, type Clock } from "./clock.ts";
import type { CircuitRules } from "./circuit-state.ts";
import { InvalidOptionError } from "./errors.ts";
import { limit } from "./limits.ts";
import type { SharedBreakerState } from "./shared-state.ts";

/** How a breaker behaves. Everything has a default; durations are in milliseconds. */
export interface CircuitBreakerOptions {
  /** Failures within `monitoringWindow` that open the circuit. Default 5. Excludes `failureRate`. */
  readonly threshold?: number | undefined;
  /** How long the circuit stays open before it lets probes through. Default 60,000. */
  readonly timeout?: number | undefined;
  /** Successful probes that close a half-open circuit. Default 3. */
  readonly halfOpenRetries?: number | undefined;
  /** How long a failure counts. Default 300,000. */
  readonly monitoringWindow?: number | undefined;
  /** Instead of `threshold`: the share of failed calls within the window, above 0 and up to 1, that opens the circuit. */
  readonly failureRate?: number | undefined;
  /** With `failureRate`: so many calls within the window before it is looked at. Default 10. */
  readonly minimumCalls?: number | undefined;
  /** Probes on their way at once; other calls are refused. Default `halfOpenRetries`. */
  readonly halfOpenConcurrency?: number | undefined;
  /** With every place for a probe taken and none answered for so long, the circuit opens again. Default `timeout`. */
  readonly halfOpenTimeout?: number | undefined;
  /** Openings in a row last `timeout`, then `timeoutFactor` times longer each, up to this. Default `timeout`: no growth. */
  readonly maxTimeout?: number | undefined;
  /** Default 2. */
  readonly timeoutFactor?: number | undefined;
  /** A call that takes longer counts as failed, even when it succeeds. Default Infinity. */
  readonly slowCallMs?: number | undefined;
  /** Whether a call that has become slow is aborted, and fails with a SlowCallError, at `slowCallMs`. Default false. */
  readonly abortSlowCalls?: boolean | undefined;
  /** Which errors say that the service fails; others count as success and go to the caller, past the fallback. Default: all do. */
  readonly isFailure?: ((error: unknown) => boolean) | undefined;
  /** Which values that the work resolves to are failures, such as a Response with 503. Default: none is. */
  readonly isFailureResult?: ((result: unknown) => boolean) | undefined;
  /** Whether changes are published on `plugin/<name>/circuit-breaker`. Default true. */
  readonly announce?: boolean | undefined;
  /** Where changes are published. Default `getMessageBus(name)`, joined at the first change. */
  readonly bus?: AnnouncementBus | undefined;
  /** Through which other processes learn that the circuit opened or closed, and tell it; see `shareThrough`. */
  readonly shared?: SharedBreakerState | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** Options that have been checked, with what was left out. */
export interface Settings extends CircuitRules {
  readonly slowCallMs: number;
  readonly abortSlowCalls: boolean;
  readonly isFailure: ((error: unknown) => boolean) | undefined;
  readonly isFailureResult: ((result: unknown) => boolean) | undefined;
  readonly announce: boolean;
  readonly bus: AnnouncementBus | undefined;
  readonly shared: SharedBreakerState | undefined;
  readonly clock: Clock;
}

const RULES = {
  threshold: { kind: "number", least: 1, most: limit("threshold.max"), isWhole: true },
  timeout: DURATION,
  halfOpenRetries: { kind: "number", least: 1, most: limit("halfOpenRetries.max"), isWhole: true },
  monitoringWindow: DURATION,
  failureRate: { kind: "number", least: Number.MIN_VALUE, most: 1 },
  minimumCalls: { kind: "number", least: 1, most: limit("minimumCalls.max"), isWhole: true },
  halfOpenConcurrency: { kind: "number", least: 1, most: limit("halfOpenRetries.max"), isWhole: true },
  halfOpenTimeout: DURATION,
  maxTimeout: DURATION,
  timeoutFactor: { kind: "number", least: 1, most: limit("timeoutFactor.max") },
  slowCallMs: { ...DURATION, isEndlessAllowed: true },
  abortSlowCalls: { kind: "boolean" },
  isFailure: { kind: "function" },
  isFailureResult: { kind: "function" },
  announce: { kind: "boolean" },
  bus: { kind: "object", methods: ["publish"] },
  shared: { kind: "object", methods: ["get", "set", "subscribe"] },
  clock: CLOCK,
} as const satisfies Record<keyof CircuitBreakerOptions, OptionRule>;

/** Checks name and options and fills in what was left out. Refuses with an InvalidOptionError. */
export function toSettings(name: unknown, options: CircuitBreakerOptions): Settings {
  checkOptions("a circuit breaker", options, RULES);
  checkName(name, options);
  if (options.threshold !== undefined && options.failureRate !== undefined) {
    throw new InvalidOptionError("threshold and failureRate exclude each other: give one of them");
  }
  const timeout = options.timeout ?? limit("timeoutMs");
  const halfOpenRetries = options.halfOpenRetries ?? limit("halfOpenRetries");
  const maxTimeout = options.maxTimeout ?? timeout;
  if (maxTimeout < timeout) throw new InvalidOptionError(`maxTimeout ${maxTimeout} is below timeout ${timeout}`);
  const slowCallMs = options.slowCallMs ?? Infinity;
  if (options.abortSlowCalls && slowCallMs === Infinity) {
    throw new InvalidOptionError("abortSlowCalls needs slowCallMs, which says when a call is slow");
  }
  return {
    threshold: options.threshold ?? limit("threshold"),
    timeout,
    halfOpenRetries,
    monitoringWindow: options.monitoringWindow ?? limit("monitoringWindowMs"),
    failureRate: options.failureRate ?? 0,
    minimumCalls: options.minimumCalls ?? limit("minimumCalls"),
    halfOpenConcurrency: options.halfOpenConcurrency ?? halfOpenRetries,
    halfOpenTimeout: options.halfOpenTimeout ?? timeout,
    maxTimeout,
    timeoutFactor: options.timeoutFactor ?? limit("timeoutFactor"),
    slowCallMs,
    abortSlowCalls: options.abortSlowCalls ?? false,
    isFailure: options.isFailure,
    isFailureResult: options.isFailureResult,
    announce: options.announce ?? true,
    bus: options.bus,
    shared: options.shared,
    clock: steadyClock(options.clock ?? systemClock),
  };
}

function checkName(name: unknown, { announce = true, bus }: CircuitBreakerOptions): asserts name is string {
  const most = limit("name.length");
  if (typeof name !== "string" || name === "" || name.length > most) {
    throw new InvalidOptionError(
      `the name of a circuit breaker is a text of 1 to ${most} characters, not ${show(name)}`,
    );
  }
  if (!announce) return;
  const problem = whyNotOneLevel(name, bus);
  if (problem === undefined) return;
  throw new InvalidOptionError(
    `a circuit breaker announces its changes on plugin/<name>/circuit-breaker, and ${problem}; with announce: false it can have any name`,
  );
}

/** The name is one level of the topic and, where no bus was given, the id of the plugin that speaks. */
function whyNotOneLevel(name: string, bus: AnnouncementBus | undefined): string | undefined {
  try {
    checkPluginId(name);
  } catch (error) {
    if (error instanceof BusError) return error.message;
    throw error;
  }
  return name === "system" && !bus ? "only the host of plugins speaks as system" : undefined;
}
