import * as z from "zod";

import type { ErrorCode } from "./error-codes.ts";
import { TimestampSchema } from "./timestamp.ts";

/** What travels with every answer. `duration` is in milliseconds. */
export interface ApiMeta {
  readonly requestId: string;
  readonly timestamp: string;
  readonly duration?: number;
}

/** Why something was refused. */
export interface ApiError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: Record<string, unknown>;
}

export interface ApiSuccess<T> {
  readonly success: true;
  readonly data: T;
  readonly error?: undefined;
  readonly meta?: ApiMeta;
}

/**
 * A refusal. `data` is typed `never`, so that code which reads `result.data` without a check compiles as the seed of
 * this API shows it; at run time it is absent.
 */
export interface ApiRefusal {
  readonly success: false;
  readonly data: never;
  readonly error: ApiError;
  readonly meta?: ApiMeta;
}

/** What every handler method and every native route answers. */
export type ApiResponse<T> = ApiSuccess<T> | ApiRefusal;

export const ApiMetaSchema = z.object({
  requestId: z.string(),
  timestamp: TimestampSchema,
  duration: z.number().optional(),
});

export const ApiErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
});

/** An answer that holds `data`. */
export function succeed<T>(data: T, meta?: ApiMeta): ApiSuccess<T> {
  return meta ? { success: true, data, meta } : { success: true, data };
}

/** An answer that holds a refusal. */
export function refuse(error: ApiError, meta?: ApiMeta): ApiRefusal {
  // `data` is never there on a refusal; the cast keeps the key out of the object and the type as documented.
  return { success: false, error, ...(meta ? { meta } : {}) } as ApiRefusal;
}
