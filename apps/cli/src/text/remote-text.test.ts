import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { jsonLine, outputLine, remoteText, terminalText, visibleJson, visibleText } from "./remote-text.ts";

const ESC = "\u001b";
// oxlint-disable-next-line no-control-regex -- control characters are what must not be there
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;

/** Text as an attacker would write it. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        ESC,
        `${ESC}[`,
        `${ESC}]`,
        `${ESC}P`,
        "\u0007",
        "\u009b",
        "31m",
        "2J",
        "0;x",
        "\r",
        "\u202e",
        "\u200b",
        "%n",
      ),
    ),
  )
  .map((parts) => parts.join(""));

describe("outputLine", () => {
  it.each([
    ["moves of the cursor", `a${ESC}[2Jb${ESC}[10;10Hc`, "abc"],
    ["a title", `${ESC}]0;pwned\u0007x`, "x"],
    ["a title without an end", `x${ESC}]0;pwned`, "x"],
    ["a link", `${ESC}]8;;http://evil${ESC}\\text${ESC}]8;;${ESC}\\`, "text"],
    ["questions to the terminal", `${ESC}[c${ESC}[6n${ESC}P$q"p${ESC}\\x`, "x"],
    ["8-bit controls", "\u009b31mred\u009d0;t\u009cx", "redx"],
    ["a progress bar", "10 %\r50 %\r100 %", "100 %"],
    ["colours", `${ESC}[31mred${ESC}[0m`, "red"],
    ["a bell and a null", "a\u0007b\u0000c", "abc"],
  ])("takes out %s", (_, line, expected) => {
    expect(outputLine(line)).toBe(expected);
  });

  it("keeps colours and nothing else where it may, and switches them off at the end", () => {
    expect(outputLine(`${ESC}[31mred${ESC}[2J`, { keepColors: true })).toBe(`${ESC}[31mred${ESC}[0m`);
  });

  it("lets no control through, whatever it is fed", () => {
    expect(outputLine("\u0000")).toBe("");
    fc.assert(fc.property(hostile, (line) => !CONTROL.test(outputLine(line))));
    fc.assert(
      fc.property(hostile, (line) => {
        // oxlint-disable-next-line no-control-regex -- colours are what may be there
        expect(outputLine(line, { keepColors: true }).replace(/\u001b\[[0-9;:]*m/g, "")).not.toMatch(CONTROL);
      }),
    );
  });

  it("takes time in proportion to the line", () => {
    const line = `${ESC}[${"1;".repeat(5_000)}${ESC}]${"x".repeat(5_000)}${ESC}P`.repeat(10);

    const startMs = performance.now();
    outputLine(line);

    expect(performance.now() - startMs).toBeLessThan(200);
  });
});

describe("remoteText", () => {
  it("spells out what reads differently from what is there", () => {
    expect(remoteText(`deploy\u202egnp.exe\u200b ${ESC}[31mnow${ESC}[0m\nnext`)).toBe(
      "deploy\\u{202e}gnp.exe\\u{200b} now next",
    );
  });

  it("lets no control and nothing unseen through", () => {
    expect(remoteText("\u0000")).toBe("\\u{0}");
    fc.assert(fc.property(hostile, (text) => !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(remoteText(text))));
  });
});

describe("visibleText and visibleJson", () => {
  it("leave nothing out and hide nothing", () => {
    expect(visibleText("rm\u00a0-rf \u2066/\u2069\n\\u{2066}")).toBe("rm\\u{a0}-rf \\u{2066}/\\u{2069}\n\\\\u{2066}");
    expect(visibleJson({ shell: `a${ESC}\u202eb\\n` })).toBe('{\n  "shell": "a\\u001b\\u{202e}b\\\\n"\n}');
  });

  it("show two different texts differently", () => {
    fc.assert(
      fc.property(hostile, hostile, (one, other) => {
        fc.pre(one !== other);
        expect(visibleJson(one)).not.toBe(visibleJson(other));
        expect(visibleText(one)).not.toBe(visibleText(other));
      }),
    );
  });
});

describe("terminalText", () => {
  it("lets colours through and no other order, and none at all where there are no colours", () => {
    const text = `${ESC}[31mred${ESC}[0m${ESC}[2J\r\u009b1A\u202e\n\tend`;

    expect(terminalText(text, true)).toBe(`${ESC}[31mred${ESC}[0m\\u{1b}[2J\\u{d}\\u{9b}1A\\u{202e}\n\tend`);
    expect(terminalText(text, false)).toBe("red\\u{1b}[2J\\u{d}\\u{9b}1A\\u{202e}\n\tend");
    fc.assert(fc.property(hostile, (any) => !CONTROL.test(terminalText(any, false).replaceAll("\n", ""))));
  });
});

describe("jsonLine", () => {
  it("is the same to who reads JSON, and no order to a terminal", () => {
    fc.assert(
      fc.property(fc.dictionary(hostile, hostile), (value) => {
        expect(JSON.parse(jsonLine(value))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(jsonLine(value)).not.toMatch(CONTROL);
        expect(jsonLine(value)).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });
});
