import { limit } from "../limits.ts";
import type { RestartPolicy } from "./restart-delay.ts";

/** How patient a host is. Durations are in milliseconds; every default is a row of `PLUGIN_LIMITS`. */
export interface HostSettings {
  /** For a started plugin to say that it is ready. Default 30,000. */
  readonly readyMs: number;
  /** For a plugin that was asked to stop to end by itself, before it is killed. Default 10,000. */
  readonly stopGraceMs: number;
  /** For a killed plugin to be gone. Default 5,000. */
  readonly killMs: number;
  /** Plugins that `startAll` starts at the same time. Default 4. */
  readonly startingAtOnce: number;
  /** By default up to 5 restarts within 5 minutes, after 1 second and then more, up to 30. */
  readonly restart: RestartPolicy;
}

/** Settings with what was left out filled in. Refuses with a RangeError what is not a whole number, or too small. */
export function toHostSettings({ restart, ...settings }: HostSettingsInput = {}): HostSettings {
  const all = {
    readyMs: limit("host.readyMs"),
    stopGraceMs: limit("host.stopGraceMs"),
    killMs: limit("host.killMs"),
    startingAtOnce: limit("host.startingAtOnce"),
    ...settings,
  };
  const policy = {
    restarts: limit("host.restarts"),
    windowMs: limit("host.restartWindowMs"),
    initialDelayMs: limit("host.restartDelayMs"),
    maxDelayMs: limit("host.restartMaxDelayMs"),
    ...restart,
  };
  for (const [name, value] of Object.entries({ ...all, ...policy })) {
    const least = MAY_BE_ZERO.has(name) ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) throw new RangeError(`${name} cannot be ${value}`);
  }
  return { ...all, restart: policy };
}

/** What a host can be made with; everything has a default. */
export type HostSettingsInput = Partial<Omit<HostSettings, "restart">> & { readonly restart?: Partial<RestartPolicy> };

const MAY_BE_ZERO = new Set(["restarts", "initialDelayMs", "maxDelayMs"]);
