/**
 * The command that makes a terminal its own and then becomes `argv`. It must begin in a session of its own, with that
 * terminal as its input: there the first terminal that is opened becomes the one that it is controlled by, so that Ctrl-C
 * and new sizes reach it. Needs /bin/sh. `device` is the terminal's name where the command runs.
 */
export function claimTerminal(argv: readonly string[], device: string): string[] {
  return ["/bin/sh", "-c", CLAIM, device, ...argv];
}

/** By absolute names only: the PATH is the step's. Erasing a character takes away all of its bytes (iutf8). */
const CLAIM = 'exec 0<>"$0" 1>&0 2>&0; [ -x /bin/stty ] && /bin/stty iutf8; exec "$@"';
