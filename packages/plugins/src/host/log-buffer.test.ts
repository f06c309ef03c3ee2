import { describe, expect, it } from "vitest";
import { formatLogLine, LogBuffer } from "./log-buffer.ts";
import type { LogLine } from "./log-buffer.ts";

const newBuffer = (onLine?: (line: LogLine) => void) => new LogBuffer({ pluginId: "a", now: () => 0, onLine });
const texts = (buffer: LogBuffer) => buffer.lines.map(({ text }) => text);

describe("LogBuffer", () => {
  it("makes lines of whatever pieces come, and tells which plugin wrote them", () => {
    const lines: LogLine[] = [];
    const buffer = newBuffer((line) => lines.push(line));
    const writer = buffer.writer("stdout");
    const bytes = Buffer.from("first\r\nsecond ä 😀\n\nlast");

    for (const byte of bytes) writer.write(Buffer.from([byte]));
    writer.end();

    expect(texts(buffer)).toEqual(["first", "second ä 😀", "", "last"]);
    expect(lines[0]).toEqual({ pluginId: "a", stream: "stdout", text: "first", at: "1970-01-01T00:00:00.000Z" });
    expect(lines.map(formatLogLine)[0]).toBe("[a] first");
  });

  it("keeps the last 500 lines", () => {
    const buffer = newBuffer();

    for (let i = 0; i < 1_730; i++) buffer.add("stdout", `${i}`);

    expect([buffer.lines.length, texts(buffer)[0], texts(buffer).at(-1)]).toEqual([500, "1230", "1729"]);
  });

  it("breaks a line that does not end, without waiting for it", () => {
    const buffer = newBuffer();
    const writer = buffer.writer("stderr");

    writer.write(Buffer.from("x".repeat(10_000)));

    expect(texts(buffer).map(({ length }) => length)).toEqual([4_096, 4_096]);
    writer.write(Buffer.from("y\n"));
    expect(texts(buffer)[2]).toHaveLength(10_000 - 2 * 4_096 + 1);
  });

  it("shows what a terminal would act on", () => {
    const buffer = newBuffer();

    buffer.add("stdout", "a\tb \u001b[31mred\u001b[0m \u202egnp.exe");

    expect(texts(buffer)).toEqual([String.raw`a	b \u{1b}[31mred\u{1b}[0m \u{202e}gnp.exe`]);
  });
});
