/** A query as handlers take it: its schema leaves out what was not given, which the type that it infers does not say. */
export function given<T extends object>(query: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return query as { [Key in keyof T]: Exclude<T[Key], undefined> };
}
