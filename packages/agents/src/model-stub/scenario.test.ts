import { describe, expect, it } from "vitest";
import { scenarioIn, stubPrompt } from "./scenario.ts";

describe("stubPrompt", () => {
  it("writes what is read again, defaults filled in", () => {
    expect(scenarioIn(stubPrompt({ scenario: "text" }))).toEqual({
      scenario: "text",
      text: "Hello from the model stub.",
    });
    expect(scenarioIn(stubPrompt({ scenario: "slow", pieces: 3 }))).toEqual({
      scenario: "slow",
      pieces: 3,
      intervalMs: 100,
    });
  });

  it("puts any words before it, and survives its own signs", () => {
    const text = 'a "quoted" ]] text\nwith [[model-stub in it';

    const prompt = stubPrompt({ scenario: "text", text }, "Please.");

    expect(prompt).toMatch(/^Please\. /);
    expect(scenarioIn(`${prompt} and more`)).toEqual({ scenario: "text", text });
  });

  it.each([
    { scenario: "error", status: 200 },
    { scenario: "slow", pieces: 0 },
    { scenario: "write_file", path: "", content: "" },
    { scenario: "steps", steps: [] },
    { scenario: "text", txet: "x" },
    { scenario: "dance" },
  ])("refuses $scenario as %j", (scenario) => {
    expect(() => stubPrompt(scenario as never)).toThrow();
  });
});

describe("scenarioIn", () => {
  it("finds none where there is no marker", () => {
    expect(scenarioIn("Write a poem about [[links]]")).toBeUndefined();
  });

  it("takes the last of several", () => {
    const text = `${stubPrompt({ scenario: "silence" })} ${stubPrompt({ scenario: "recall" })}`;

    expect(scenarioIn(text)).toEqual({ scenario: "recall" });
  });

  it.each(["[[model-stub ]]", "[[model-stub {", '[[model-stub {"scenario":"dance"}]]'])("throws at %s", (text) => {
    expect(() => scenarioIn(text)).toThrow();
  });
});
