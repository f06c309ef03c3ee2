import type { IncomingMessage } from "node:http";
import { STUB_LIMITS } from "./stub-limits.ts";

/** A body that cannot be taken; `status` is what HTTP has for it. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Reads a request's body as JSON. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") throw new BodyError(415, `the stub reads no bodies encoded with ${encoding}`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > STUB_LIMITS["body.bytes"].value)
      throw new BodyError(413, `the body is over ${STUB_LIMITS["body.bytes"].value} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new BodyError(400, "the body is no JSON");
  }
}
