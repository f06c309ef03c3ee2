import * as z from "zod";

/** How long a session lasts: until its task is done, or until somebody closes it. */
export const SESSION_MODES = ["task", "interactive"] as const;

/** What an agent may do without asking. `ask`: its own defaults; `edits`: files too; `all`: everything that the sandbox lets it. */
export const PERMISSION_MODES = ["ask", "edits", "all"] as const;

/** The name of a model, which no program can take for an option. */
export const ModelNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}$/, "must be a model's name");
