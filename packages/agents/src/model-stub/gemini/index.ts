import type { Dialect } from "../dialect.ts";
import { body, frames, refusalBody } from "./answer.ts";
import { readRequest } from "./request.ts";
import { callsFor } from "./tools.ts";

/** `generateContent` of Google, as Gemini CLI speaks it. */
export const gemini: Dialect = { name: "gemini", readRequest, callsFor, frames, body, refusalBody };
