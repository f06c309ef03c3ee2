import type { PlanInput } from "@signalbox/protocol";

const GREETINGS = `const GREETINGS = {
  en: "Hello",
  de: "Hallo",
  ja: "こんにちは",
};

export function greet(name, language = "en") {
  return \`\${GREETINGS[language]}, \${name}!\`;
}
`;

const TESTS = `import assert from "node:assert/strict";
import { test } from "node:test";

import { greet } from "../src/greet.js";

for (const [language, expected] of [["en", "Hello, Ada!"], ["de", "Hallo, Ada!"], ["ja", "こんにちは, Ada!"]]) {
  test(\`greets in \${language}\`, () => assert.equal(greet("Ada", language), expected));
}
`;

const MEASURE = `import { greet } from "./src/greet.js";
import { setTimeout as pause } from "node:timers/promises";

for (let round = 1; round <= 4; round++) {
  const start = performance.now();
  for (let i = 0; i < 1e6; i++) greet("Ada", "ja");
  console.log(\`round \${round}: \${Math.round(1e6 / (performance.now() - start))} greetings a millisecond\`);
  await pause(150);
}
`;

const REPORT = [
  'echo "# What the sample run did" > report.md',
  "echo >> report.md",
  'echo "The agent wrote two files; type check and tests passed on them:" >> report.md',
  "echo >> report.md",
  "wc -l src/*.js test/*.js | sed 's/^/    /' >> report.md",
  "cat report.md",
].join("\n");

/**
 * Six steps on the sample repository, all of them really executed: an agent (a scripted one, so that nothing needs an
 * account) adds two languages and their tests, checks run side by side, and a report is kept.
 */
export const SAMPLE_PLAN: PlanInput = {
  goal: "Teach the greet library German and Japanese",
  steps: [
    { name: "look around", tool: "command", inputs: { shell: "ls -R . && cat src/greet.js" } },
    {
      name: "add languages",
      tool: "codegen",
      inputs: {
        prompt: "Add German and Japanese to src/greet.js, and test all languages.",
        script: [
          { do: "say", text: "I add two languages to the table, and a test for each." },
          { do: "plan", entries: [{ text: "src/greet.js", status: "in_progress" }, { text: "test/greet.test.js" }] },
          { do: "write", path: "src/greet.js", text: GREETINGS },
          { do: "wait", ms: 400 },
          {
            do: "plan",
            entries: [
              { text: "src/greet.js", status: "completed" },
              { text: "test/greet.test.js", status: "in_progress" },
            ],
          },
          { do: "write", path: "test/greet.test.js", text: TESTS },
          { do: "wait", ms: 400 },
          { do: "say", text: "Done: three languages, three tests." },
        ],
      },
    },
    { name: "type check", tool: "gate:typecheck", inputs: { argv: ["node", "--check", "src/greet.js"] } },
    { name: "test", tool: "gate:test", inputs: { argv: ["node", "--test"] }, needs: ["add languages"] },
    {
      name: "measure",
      tool: "command",
      inputs: { argv: ["node", "--input-type=module", "-"], stdin: MEASURE },
      needs: ["add languages"],
    },
    {
      name: "report",
      tool: "command",
      inputs: { shell: REPORT },
      needs: ["type check", "test", "measure"],
      artifacts: ["report.md"],
    },
  ],
};
