import * as z from "zod";

/** Who caused something: a person or program with a token, a runner, or the control plane itself. */
export const ActorSchema = z.object({
  kind: z.enum(["token", "runner", "system", "local"]),
  id: z.string(),
});
export type Actor = z.infer<typeof ActorSchema>;

/** The control plane itself: timers, recovery, dispatch. */
export const SYSTEM_ACTOR: Actor = { kind: "system", id: "system" };
