import * as z from "zod";

/** Who caused something: a person or program with a token, a runner, or the control plane itself. */
export const ActorSchema = z.object({
  kind: z.enum(["token", "runner", "system", "local"]),
  id: z.string(),
});
export type Actor = z.infer<typeof ActorSchema>;

/** An actor as one word, `kind:id`, as rows keep it. */
export function actorText({ kind, id }: Actor): string {
  return `${kind}:${id}`;
}

/** What `actorText` has written. */
export function parseActor(text: string): Actor {
  const colon = text.indexOf(":");
  return { kind: text.slice(0, colon) as Actor["kind"], id: text.slice(colon + 1) };
}

/** The control plane itself: timers, recovery, dispatch. */
export const SYSTEM_ACTOR: Actor = { kind: "system", id: "system" };
