/**
 * The name by which the processes beside an attempt's work are marked, such as a person's shell: a tree of its own, so that
 * the end of one does not end the other.
 */
export function besideOf(attemptId: string): string {
  return `${attemptId}.beside`;
}
