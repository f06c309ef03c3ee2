import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** What a token begins with: who holds it, and so what it can open. */
export type TokenBrand = "sbx" | "sbp";

/** A new token: its text, shown once, and what is kept of it. */
export interface NewSecretToken {
  readonly id: string;
  readonly text: string;
  readonly hash: Buffer;
}

const FORM = /^(sbx|sbp)_([0-9a-z]{16})_([0-9A-Za-z_-]{43})$/;

/** Makes a token: `sbx_` for people and programs, `sbp_` for plugins; an id to find it by, and 256 random bits. */
export function newSecretToken(brand: TokenBrand): NewSecretToken {
  const id = randomBytes(8).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  return { id, text: `${brand}_${id}_${secret}`, hash: hashOf(secret) };
}

/** The id of a token, and whether its secret is the one that was kept; undefined for what is no token of this brand. */
export function readSecretToken(
  brand: TokenBrand,
  text: string,
): { readonly id: string; readonly isOf: (hash: Buffer) => boolean } | undefined {
  const [, found, id, secret] = FORM.exec(text) ?? [];
  if (found !== brand || id === undefined || secret === undefined) return undefined;
  return { id, isOf: (hash) => timingSafeEqual(hash, hashOf(secret)) };
}

/** 256 random bits need no slow hash. */
function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
