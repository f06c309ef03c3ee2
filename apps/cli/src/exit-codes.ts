/** What the exit code of every command says. */
export const EXIT_CODES = {
  succeeded: { code: 0, meaning: "It worked; a run that was watched succeeded." },
  failed: { code: 1, meaning: "It did not work; a run that was watched failed." },
  usage: { code: 2, meaning: "The command line or a file that it names is not right." },
  cancelled: { code: 3, meaning: "The run or session that was watched was cancelled or stopped." },
  waiting: { code: 4, meaning: "The run waits at a gate, and --no-wait said not to wait with it." },
  unreachable: { code: 5, meaning: "The server cannot be reached." },
  notPermitted: { code: 6, meaning: "There is no token, or it does not permit this." },
  interrupted: { code: 130, meaning: "Ctrl-C; a run that was watched goes on." },
} as const satisfies Record<string, { code: number; meaning: string }>;
export type ExitName = keyof typeof EXIT_CODES;
