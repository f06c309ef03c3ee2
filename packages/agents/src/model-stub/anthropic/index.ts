import type { Dialect } from "../dialect.ts";
import { body, frames, refusalBody } from "./answer.ts";
import { readRequest } from "./request.ts";
import { callsFor } from "./tools.ts";

/** The Messages API of Anthropic, as Claude Code speaks it. */
export const anthropic: Dialect = { name: "anthropic", readRequest, callsFor, frames, body, refusalBody };
