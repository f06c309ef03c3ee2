import { limit, webhookKey, WebhookMessageSchema, type WebhookMessage } from "@signalbox/protocol";

/** Why a post is not to be believed. */
export type WebhookProblem =
  | "missing_header"
  | "invalid_timestamp"
  | "too_old"
  | "too_new"
  | "wrong_signature"
  | "invalid_secret"
  | "invalid_body";

/** A post that did not come from where it claims to, or not when it claims to. Answer it with 400, and do nothing else. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
  readonly problem: WebhookProblem;

  constructor(problem: WebhookProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** A post as it arrived. */
export interface ReceivedWebhook {
  /** The bytes, or the text, as they came: parsed and spelled again they may differ. */
  readonly body: string | Uint8Array;
  /** Of Node, of `fetch`, or any object with lower-case names. */
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface VerifyWebhookOptions {
  /** The webhook's secret; during a rotation of your own, several: one that fits is enough. */
  readonly secret: string | readonly string[];
  /** How far the signed time may be from now, in milliseconds, to either side. Default 300,000. */
  readonly toleranceMs?: number | undefined;
  readonly now?: (() => number) | undefined;
}

/**
 * Checks that a post comes from the server that knows the secret, and is not an old one sent again; resolves to what it says.
 * Rejects with a WebhookVerificationError. One event can be posted more than once, always with the same `id`: remember
 * those that you have dealt with.
 */
export async function verifyWebhook(
  { body, headers }: ReceivedWebhook,
  options: VerifyWebhookOptions,
): Promise<WebhookMessage> {
  const { secret, toleranceMs = limit("webhook.toleranceMs"), now = Date.now } = options;
  const id = headerOf(headers, "webhook-id");
  const timestamp = headerOf(headers, "webhook-timestamp");
  const signatures = signaturesIn(headerOf(headers, "webhook-signature"));
  checkTime(timestamp, now(), toleranceMs);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signed = concat(new TextEncoder().encode(`${id}.${timestamp}.`), bytes);
  const keys = (typeof secret === "string" ? [secret] : secret).map(keyOf);
  if (!(await fitsAny(keys, signatures, signed)))
    throw new WebhookVerificationError("wrong_signature", "no signature of the post was made with this secret");
  return readMessage(bytes, id);
}

function headerOf(headers: ReceivedWebhook["headers"], name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  if (typeof value === "string" && value !== "") return value;
  throw new WebhookVerificationError("missing_header", `the post has no header ${name}`);
}

/** Those of the scheme that a shared secret signs with; others are for other receivers. */
function signaturesIn(header: string): Uint8Array<ArrayBuffer>[] {
  return header.split(" ").flatMap((part) => {
    const base64 = part.startsWith("v1,") ? part.slice(3) : "";
    return /^[A-Za-z0-9+/]{43}=$/.test(base64)
      ? [Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))]
      : [];
  });
}

function checkTime(timestamp: string, nowMs: number, toleranceMs: number): void {
  if (!/^\d{1,12}$/.test(timestamp))
    throw new WebhookVerificationError("invalid_timestamp", "webhook-timestamp is not a number of seconds");
  const ageMs = nowMs - Number(timestamp) * 1_000;
  if (ageMs > toleranceMs) throw new WebhookVerificationError("too_old", `the post was signed ${ageMs} ms ago`);
  if (ageMs < -toleranceMs)
    throw new WebhookVerificationError("too_new", `the post was signed ${-ageMs} ms from now; compare the clocks`);
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = webhookKey(secret);
  if (key && key.length > 0) return key;
  throw new WebhookVerificationError("invalid_secret", "the secret is empty, or has no base 64 after whsec_");
}

async function fitsAny(
  keys: readonly Uint8Array<ArrayBuffer>[],
  signatures: readonly Uint8Array<ArrayBuffer>[],
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  for (const bytes of keys) {
    const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of signatures)
      // Compared in constant time.
      if (await crypto.subtle.verify("HMAC", key, signature, signed)) return true;
  }
  return false;
}

function readMessage(bytes: Uint8Array, id: string): WebhookMessage {
  const message = WebhookMessageSchema.safeParse(parse(new TextDecoder().decode(bytes)));
  if (message.success && message.data.id === id) return message.data;
  throw new WebhookVerificationError("invalid_body", "the post is signed, and is no message of this version");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function concat(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(one.length + other.length);
  whole.set(one);
  whole.set(other, one.length);
  return whole;
}
