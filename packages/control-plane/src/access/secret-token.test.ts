import { describe, expect, it } from "vitest";

import { newSecretToken, readSecretToken } from "./secret-token.ts";

describe("a secret token", () => {
  it("is known by its hash, and its hash does not tell it", () => {
    const { id, text, hash } = newSecretToken("sbp");

    const read = readSecretToken("sbp", text);

    expect(read?.id).toBe(id);
    expect(read?.isOf(hash)).toBe(true);
    expect(read?.isOf(newSecretToken("sbp").hash)).toBe(false);
    expect(text).not.toContain(hash.toString("base64url"));
  });

  // Red without the brand in the comparison: what opens a plugin's connection would be looked up as a person's token.
  it("of a plugin is none of a person, and the other way round", () => {
    expect(readSecretToken("sbx", newSecretToken("sbp").text)).toBeUndefined();
    expect(readSecretToken("sbp", newSecretToken("sbx").text)).toBeUndefined();
  });
});
