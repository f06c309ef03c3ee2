import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedactor } from "./redactor.ts";
import type { Redactor } from "./redactor.ts";
import { secretForms } from "./secret-forms.ts";
import { SecretTooShortError } from "./secret-too-short-error.ts";

function redactIn(redactor: Redactor, chunks: readonly Buffer[]): string {
  const stream = redactor.stream();
  return Buffer.concat([...chunks.map((chunk) => stream.push(chunk)), stream.flush()]).toString("latin1");
}

function cutAt(input: Buffer, offsets: readonly number[]): Buffer[] {
  const edges = [0, ...offsets.map((offset) => offset % (input.length + 1)).sort((a, b) => a - b), input.length];
  return edges.slice(1).map((edge, index) => input.subarray(edges[index], edge));
}

describe("createRedactor", () => {
  it("puts the name in the place of the secret", () => {
    const redactor = createRedactor([{ name: "API_KEY", value: "sk-123456" }]);

    expect(redactor.redactText("key=sk-123456, again sk-123456!")).toBe(
      "key=[redacted:API_KEY], again [redacted:API_KEY]!",
    );
  });

  it("takes the longest of several secrets that begin at the same byte", () => {
    const redactor = createRedactor([
      { name: "SHORT", value: "secret" },
      { name: "LONG", value: "secret-and-more" },
    ]);

    expect(redactor.redactText("<secret-and-more> <secret-and>")).toBe("<[redacted:LONG]> <[redacted:SHORT]-and>");
  });

  it("replaces overlapping secrets as one range and leaks no byte of either", () => {
    const redactor = createRedactor([
      { name: "FIRST", value: "abcdefgh" },
      { name: "SECOND", value: "efghijkl" },
      { name: "AROUND", value: "xabcdefghijklx" },
    ]);

    expect(redactor.redactText("-abcdefghijkl-")).toBe("-[redacted:FIRST]-");
    expect(redactor.redactText("-xabcdefghijklx-")).toBe("-[redacted:AROUND]-");
    expect(redactor.redactText("abcdefghabcdefgh")).toBe("[redacted:FIRST][redacted:FIRST]");
  });

  it("refuses secrets under six bytes by name, and passes over empty ones", () => {
    const create = () =>
      createRedactor([
        { name: "PIN", value: "1234" },
        { name: "PADDED", value: " 12 \n\n\n" },
        { name: "UNSET", value: "" },
      ]);

    expect(create).toThrow(SecretTooShortError);
    expect(create).toThrow("too short: PIN, PADDED");
    expect(create).not.toThrow("1234");
  });

  it("passes the very same bytes on when there is nothing to hide", () => {
    const stream = createRedactor([]).stream();
    const chunk = randomBytes(64);

    expect(stream.push(chunk)).toBe(chunk);
    expect(stream.flush()).toHaveLength(0);
  });

  it("passes bytes on uncopied while no secret may have begun", () => {
    const stream = createRedactor([{ name: "KEY", value: "\u0001secret" }]).stream();
    const chunk = Buffer.from("an ordinary line\n");

    const output = stream.push(chunk);

    expect(output.buffer).toBe(chunk.buffer);
    expect(output).toEqual(chunk);
  });

  it("returns text without a secret as it was, lone surrogates included", () => {
    const redactor = createRedactor([{ name: "KEY", value: "secret" }]);

    expect(redactor.redactText("half a pair: \ud83d")).toBe("half a pair: \ud83d");
  });

  // Seen red when `push` holds back nothing between chunks.
  it("gives the same output however the input is cut", () => {
    fc.assert(
      fc.property(secretsAndText(), fc.array(fc.nat(), { maxLength: 8 }), ({ values, text }, offsets) => {
        const redactor = createRedactor(values.map((value, index) => ({ name: `S${index}`, value })));
        const bytes = Buffer.from(text);
        expect(redactIn(redactor, cutAt(bytes, offsets))).toBe(redactIn(redactor, [bytes]));
      }),
      { numRuns: 1000 },
    );
  });

  // Seen red when overlapping matches are not merged.
  it("replaces exactly the bytes that a naive search finds covered", () => {
    fc.assert(
      fc.property(secretsAndText(), ({ values, text }) => {
        const redactor = createRedactor(values.map((value) => ({ name: "S", value })));
        const output = redactIn(redactor, [Buffer.from(text)]);
        expect(output.replaceAll("[redacted:S]", "")).toBe(uncovered(values.flatMap(secretForms), Buffer.from(text)));
      }),
      { numRuns: 1000 },
    );
  });

  // Seen red when `push` holds back nothing between chunks, and when the base64 forms of shifts 1 and 2 are missing.
  it("lets no planted secret through, in any form, cut at any offset", () => {
    const secrets = Array.from({ length: 20 }, (_, index) => ({
      name: `S${index}`,
      value: `tok/${index}+${randomBytes(12).toString("base64")}"\n`,
    }));
    const redactor = createRedactor(secrets);

    const leaks = secrets.flatMap(({ name, value }) =>
      plantings(value).flatMap(({ planted, form }) => {
        const whole = redactIn(redactor, [planted]);
        const cuts = Array.from(planted, (_, cut) =>
          redactIn(redactor, [planted.subarray(0, cut), planted.subarray(cut)]),
        );
        const isLeak = (output: string) =>
          output !== whole || output.includes(form) || !output.includes(`[redacted:${name}]`);
        return cuts.filter(isLeak).map((output) => ({ name, form, output }));
      }),
    );

    expect(leaks).toEqual([]);
  });

  it("holds back fewer bytes than its longest form, however long a chain of overlaps gets", () => {
    const redactor = createRedactor([{ name: "KEY", value: "aaaaaaaa" }]);
    const stream = redactor.stream();

    const during = Array.from({ length: 100 }, () => stream.push(Buffer.alloc(4096, "a")).toString()).join("");

    expect(during + stream.push(Buffer.from("b")).toString() + stream.flush().toString()).toBe("[redacted:KEY]b");
    expect(redactor.maxHeldBytes).toBeLessThan(100);
  });
});

/** Secrets over a small alphabet, so that they overlap, and a text made of them, of their beginnings and of noise. */
function secretsAndText(): fc.Arbitrary<{ values: string[]; text: string }> {
  return fc.array(fc.stringMatching(/^[ab]{6,9}$/), { minLength: 1, maxLength: 4 }).chain((values) => {
    const value = fc.constantFrom(...values);
    const beginning = fc.tuple(value, fc.nat(8)).map(([whole, length]) => whole.slice(0, length));
    const pieces = fc.array(fc.oneof(value, beginning, fc.stringMatching(/^[abc]{0,4}$/)), { maxLength: 12 });
    return pieces.map((parts) => ({ values, text: parts.join("") }));
  });
}

/** A secret as an encoder of the platform would print it between other bytes, and the form of it that must be gone. */
function plantings(value: string): { planted: Buffer; form: string }[] {
  const bytes = Buffer.from(value);
  const texts = [
    value,
    JSON.stringify({ value }),
    JSON.stringify(JSON.stringify({ value })),
    encodeURIComponent(value),
    encodeURIComponent(value).replace(/%../g, (escape) => escape.toLowerCase()),
    new URLSearchParams({ value }).toString(),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    ...["", "1", "12"].flatMap((before) => {
      const around = Buffer.concat([Buffer.from(before), bytes, Buffer.from("after")]);
      return [around.toString("base64"), around.toString("base64url")];
    }),
  ];
  return texts.map((text) => {
    const forms = secretForms(value)
      .map(String)
      .filter((form) => text.includes(form));
    const longest = forms.sort((a, b) => b.length - a.length)[0] ?? text;
    return { planted: Buffer.from(`before ${text} after`), form: longest };
  });
}

function uncovered(forms: readonly Buffer[], text: Buffer): string {
  const covered = new Uint8Array(text.length);
  for (const form of forms) {
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) covered.fill(1, at, at + form.length);
  }
  return text.filter((_, index) => covered[index] === 0).reduce((all, byte) => all + String.fromCharCode(byte), "");
}
