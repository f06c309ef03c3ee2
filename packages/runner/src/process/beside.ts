/** What runs beside an attempt's work: a person's shell, and the runner's own looks at the workspace. */
const BESIDE = { shell: "beside", look: "look" } as const;
export type Beside = keyof typeof BESIDE;

/**
 * The name by which the processes beside an attempt's work are marked: a tree of its own each, so that the end of one does
 * not end the other.
 */
export function besideOf(attemptId: string, what: Beside): string {
  return `${attemptId}.${BESIDE[what]}`;
}

/** Every name that processes of an attempt are marked by. */
export function markersOf(attemptId: string): readonly string[] {
  return [attemptId, ...Object.values(BESIDE).map((name) => `${attemptId}.${name}`)];
}
