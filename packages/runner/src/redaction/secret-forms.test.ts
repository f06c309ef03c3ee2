import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { secretForms } from "./secret-forms.ts";

const formsOf = (value: string) => secretForms(value).map((form) => form.toString());

describe("secretForms", () => {
  it("knows what the common encoders make of a secret", () => {
    const value = 'pä/ss <"word">+1';

    const forms = formsOf(value);

    expect(forms).toEqual(
      expect.arrayContaining([
        value,
        'pä/ss <\\"word\\">+1',
        'p\\u00e4/ss <\\"word\\">+1',
        'p\\u00E4/ss <\\"word\\">+1',
        'pä/ss \\u003c\\"word\\"\\u003e+1',
        'pä\\/ss <\\"word\\">+1',
        'pä/ss <\\\\\\"word\\\\\\">+1',
        "p%C3%A4%2Fss%20%3C%22word%22%3E%2B1",
        "p%c3%a4%2fss%20%3c%22word%22%3e%2b1",
        "p%C3%A4/ss%20%3C%22word%22%3E+1",
        "p%C3%A4%2Fss+%3C%22word%22%3E%2B1",
        Buffer.from(value).toString("hex"),
        Buffer.from(value).toString("hex").toUpperCase(),
      ]),
    );
  });

  it("contains the answer of each encoder of the platform, whatever the secret", () => {
    const secret = fc.string({ unit: "grapheme", minLength: 6 });

    fc.assert(
      fc.property(secret, (value) => {
        const forms = formsOf(value);
        expect(forms).toContain(JSON.stringify(value).slice(1, -1));
        expect(forms).toContain(encodeURIComponent(value));
        expect(forms).toContain(encodeURI(value));
        expect(forms).toContain(new URLSearchParams({ "": value }).toString().slice(1));
      }),
    );
  });

  it("finds a secret in base64 wherever it stands in the encoded bytes", () => {
    const bytes = fc.uint8Array({ maxLength: 8 });
    const secret = fc.string({ minLength: 9 });

    fc.assert(
      fc.property(
        bytes,
        secret,
        bytes,
        fc.constantFrom("base64" as const, "base64url" as const),
        (before, value, after, encoding) => {
          const text = Buffer.concat([before, Buffer.from(value), after]).toString(encoding);
          expect(formsOf(value).some((form) => text.includes(form))).toBe(true);
        },
      ),
    );
  });

  it("looks for the long lines of a key on their own, and for CRLF as a terminal prints it", () => {
    const forms = formsOf("first-line-of-a-key\n}\nsecond-line-of-key\n");

    expect(forms).toContain("first-line-of-a-key");
    expect(forms).toContain("second-line-of-key");
    expect(forms).toContain("first-line-of-a-key\r\n}\r\nsecond-line-of-key\r\n");
    expect(forms).not.toContain("}");
  });

  it("leaves out forms under six bytes", () => {
    const forms = secretForms("secret");

    expect(forms.filter((form) => form.length < 6)).toEqual([]);
    expect(forms.map(String)).toContain("secret");
  });
});
