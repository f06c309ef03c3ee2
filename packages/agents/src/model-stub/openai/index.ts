import type { Dialect } from "../dialect.ts";
import { body, frames, refusalBody } from "./answer.ts";
import { readRequest } from "./request.ts";
import { callsFor } from "./tools.ts";

/** The Responses API of OpenAI, as Codex speaks it. */
export const openai: Dialect = { name: "openai", readRequest, callsFor, frames, body, refusalBody };
