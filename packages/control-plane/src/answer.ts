import { isErrorCode, refuse, succeed, type ApiResponse, type ErrorCode } from "@signalbox/protocol";
import { StoreError, UnitRefusal } from "@signalbox/store";
import type * as z from "zod";

import { ControlPlaneError, InvalidRequestError } from "./errors.ts";

/** Does the work of a handler method and turns a refusal into an answer. Anything else is a bug and travels on. */
export async function answer<Result>(work: () => Promise<Result>): Promise<ApiResponse<Result>> {
  try {
    return succeed(await work());
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    return refuse(refusal);
  }
}

/** Checks input against its schema; refuses with every field that is wrong. */
export function check<Schema extends z.ZodType>(schema: Schema, input: unknown, at = ""): z.output<Schema> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new InvalidRequestError(
    result.error.issues.slice(0, 20).map(({ path, message }) => ({ path: pathText(at, path), message })),
  );
}

/** What an error says to the caller; undefined for an error that is none of the caller's business. */
export function refusalOf(
  error: unknown,
): { code: ErrorCode; message: string; details?: Record<string, unknown> } | undefined {
  const isRefusal = error instanceof ControlPlaneError || error instanceof UnitRefusal || error instanceof StoreError;
  if (!isRefusal || !isErrorCode(error.code)) return undefined;
  return {
    code: error.code,
    message: error.message,
    ...(Object.keys(error.details).length > 0 ? { details: { ...error.details } } : {}),
  };
}

function pathText(at: string, path: readonly PropertyKey[]): string {
  let text = at;
  for (const part of path) text += typeof part === "number" ? `[${part}]` : `${text === "" ? "" : "."}${String(part)}`;
  return text;
}
