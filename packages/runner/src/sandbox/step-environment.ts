import { UnsafeCommandError } from "./sandbox-errors.ts";

/** What a step finds when it names nothing else. */
export const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * A step's environment, from empty: its own names and defaults for PATH and TERM. Refuses names and values that no
 * environment can hold with `UnsafeCommandError`.
 */
export function stepEnvironment(env: Readonly<Record<string, string>>, home: string): Record<string, string> {
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_]\w*$/.test(name)) throw new UnsafeCommandError(`no name of a variable: ${JSON.stringify(name)}`);
    if (value.includes("\0")) throw new UnsafeCommandError(`the value of ${name} holds a NUL byte`);
  }
  return { PATH: DEFAULT_PATH, TERM: "xterm-256color", ...env, HOME: home };
}

/**
 * Whether the C library or its loader heeds a variable: set around the sandbox's own program, such a one would let a
 * step choose code that runs outside. After glibc's list of variables that it drops for setuid programs
 * (sysdeps/generic/unsecvars.h) and ld.so(8).
 */
export function isHeededByLoader(name: string): boolean {
  return /^(LD_|MALLOC_|GLIBC_|GCONV_PATH$|GETCONF_DIR$|HOSTALIASES$|LOCALDOMAIN$|LOCPATH$|NIS_PATH$|NLSPATH$|RESOLV_|RES_OPTIONS$|TMPDIR$|TZDIR$)/.test(
    name,
  );
}
