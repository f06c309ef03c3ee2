// Prints what failed and, as the last line, the count; exits with 1 unless all is well.
//   node .ci/count.mjs <vitest report> <exit code of the tests> <exit code of verify>
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

const [reportFile, testCode, verifyCode] = process.argv.slice(2);

function main() {
  const report = readReport();
  const failures = report ? failuresIn(report) : ["the test run ended without a report"];
  const passed = report?.numPassedTests ?? 0;
  // An exit code counts even when every test that was reported has passed: the runner may have crashed among them.
  if (testCode !== "0" && failures.length === 0) failures.push(`the test run ended with exit code ${testCode}`);
  if (report && report.numTotalTests === 0) failures.push("no test was run");
  if (verifyCode !== "0") failures.push(`verify ended with exit code ${verifyCode}; its stage is named above`);

  if (failures.length > 0) console.log("\nfailed:");
  for (const failure of failures) console.log(`  ✗ ${failure}`);
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  if (skipped > 0) console.log(`\nskipped: ${skipped}`);
  console.log(`\n${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

function readReport() {
  if (!existsSync(reportFile)) return undefined;
  try {
    return JSON.parse(readFileSync(reportFile, "utf8"));
  } catch {
    return undefined; // cut off: as good as none
  }
}

/** One line for each test that failed, and for each file that failed outside its tests. */
function failuresIn(report) {
  return report.testResults.flatMap((file) => {
    const failed = file.assertionResults.filter(({ status }) => status === "failed");
    const path = relative(process.cwd(), file.name);
    if (failed.length === 0 && file.status === "failed")
      return [`${path}: ${firstLine(file.message) || "it failed outside its tests"}`];
    return failed.map((test) => `${path} > ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`);
  });
}

function firstLine(text = "") {
  return text.split("\n", 1)[0];
}

main();
