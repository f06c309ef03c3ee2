/** What the environment says. */
export interface CliEnvironment {
  readonly serverUrl: string | undefined;
  readonly token: string | undefined;
  readonly home: string | undefined;
  readonly isColorWanted: boolean;
  /** Whether a line may be drawn over: not in CI, not on a dumb terminal, not where colours are unwanted. */
  readonly isLiveWanted: boolean;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Reads the environment; an entry that is empty counts as absent. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): CliEnvironment {
  const get = (name: string): string | undefined => variables[name] || undefined;
  const isPlain = get("NO_COLOR") !== undefined || get("TERM") === "dumb";
  return {
    serverUrl: get("SIGNALBOX_URL"),
    token: get("SIGNALBOX_TOKEN"),
    home: get("HOME"),
    isColorWanted: !isPlain,
    isLiveWanted: !isPlain && (get("CI") === undefined || get("CI") === "false"),
    variables,
  };
}
