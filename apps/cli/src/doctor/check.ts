/** What one look at the machine found. */
export interface Finding {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail";
  readonly found: string;
  /** What to do about it; absent where all is well. */
  readonly advice?: string;
}

export function ok(name: string, found: string): Finding {
  return { name, state: "ok", found };
}

export function warn(name: string, found: string, advice: string): Finding {
  return { name, state: "warn", found, advice };
}

export function fail(name: string, found: string, advice: string): Finding {
  return { name, state: "fail", found, advice };
}
