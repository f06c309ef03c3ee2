import { ApiErrorSchema, ApiMetaSchema, ERROR_CODES, isErrorCode } from "@signalbox/protocol";
import * as z from "zod";

import { readRetryAfter } from "./backoff.ts";
import { RequestRefusedError, UnexpectedAnswerError } from "./errors.ts";
import { parseJson } from "./parse-json.ts";

const EnvelopeSchema = z.object({ success: z.literal(true), data: z.unknown() });
const RefusalSchema = z.object({
  success: z.literal(false),
  error: ApiErrorSchema,
  meta: ApiMetaSchema.partial().optional(),
});

/** The `data` of an answer that said yes, as `schema` reads it. */
export async function readAnswer<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
  const envelope = EnvelopeSchema.safeParse(parseJson(await response.text()));
  if (!envelope.success) throw notOurs(response);
  const data = schema.safeParse(envelope.data.data);
  if (data.success) return data.data;
  const { path, message } = data.error.issues[0] ?? { path: [], message: "unknown" };
  throw new UnexpectedAnswerError(
    `the server's answer is not what this version of the client understands (${path.join(".") || "data"}: ${message})`,
    response.url,
    response.status,
    { cause: data.error },
  );
}

/** What an answer that did not say yes means. Reads its body to the end. */
export async function readRefusal(response: Response, url: string, nowMs: number): Promise<Error> {
  const text = await response.text();
  if (response.status >= 300 && response.status < 400) return redirected(response, url);
  const body = RefusalSchema.safeParse(parseJson(text));
  if (!body.success) return notOurs(response);
  const { code, message, details } = body.data.error;
  return new RequestRefusedError({
    code,
    message,
    details,
    status: response.status,
    retryable: isErrorCode(code) ? ERROR_CODES[code].retryable : response.status === 429 || response.status === 503,
    requestId: body.data.meta?.requestId ?? response.headers.get("x-request-id") ?? undefined,
    retryAfterMs: readRetryAfter(response.headers.get("retry-after"), nowMs),
  });
}

function redirected(response: Response, url: string): UnexpectedAnswerError {
  const target = URL.parse(response.headers.get("location") ?? "", url);
  const place = target ? `${target.origin}; use that address` : "another place";
  return new UnexpectedAnswerError(`${new URL(url).origin} sends its visitors to ${place}`, url, response.status);
}

function notOurs(response: Response): UnexpectedAnswerError {
  const origin = URL.parse(response.url)?.origin ?? "the server";
  const type = response.headers.get("content-type")?.split(";")[0] ?? "no content type";
  return new UnexpectedAnswerError(
    `what answers at ${origin} is not a Signalbox server (status ${response.status}, ${type})`,
    response.url,
    response.status,
  );
}
