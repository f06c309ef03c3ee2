// Everything that must hold before a change lands, one stage after the other; the first that fails ends it.
//   pnpm verify                       all stages
//   pnpm verify --only lint,types     these
//   pnpm verify --without test        all but these
//   pnpm verify --with long,faults    all, and these, which take minutes
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";

const ROOT = dirname(import.meta.dirname);

const STAGES = {
  format: () => run("oxfmt", "--check"),
  lint: () => run("oxlint"),
  boundaries: () => run("turbo", "boundaries"),
  types: () => run("tsc", "-b"),
  build: () => run("turbo", "run", "build", "--output-logs=errors-only"),
  packages: checkPackages,
  test: () => run("vitest", "run", "--config", "vitest.workspace.ts"),
  long: runLong,
  faults: runFaults,
};

/** Stages that run only when they are asked for. */
const EXTRA = ["long", "faults"];

/** A stage that failed; what it found was printed by its tool. */
class StageFailed extends Error {}

function main() {
  const times = [];
  for (const name of chosenStages()) {
    console.log(`\n── ${name}`);
    const startMs = performance.now();
    const failure = failureOf(STAGES[name]);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    if (failure) {
      console.log(`\nverify: ${name} failed after ${seconds} s: ${failure.message}`);
      process.exit(1);
    }
    times.push(`${name} ${seconds} s`);
  }
  console.log(`\nverify: all is well (${times.join(", ")})`);
}

function chosenStages() {
  const option = { type: "string" };
  const { values } = parseArgs({ options: { only: option, without: option, with: option } });
  const all = Object.keys(STAGES);
  const usual = all.filter((name) => !EXTRA.includes(name));
  const [chosen, extra, without] = [values.only ?? usual.join(), values.with ?? "", values.without ?? ""].map((list) =>
    list.split(",").filter(Boolean),
  );
  const only = [...chosen, ...extra];
  const unknown = [...only, ...without].filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    console.log(`verify: there is no stage ${unknown.join(", ")}; there are ${all.join(", ")}`);
    process.exit(2);
  }
  return all.filter((name) => only.includes(name) && !without.includes(name));
}

function failureOf(stage) {
  try {
    stage();
    return undefined;
  } catch (error) {
    if (error instanceof StageFailed) return error;
    throw error;
  }
}

/** The suites that `npm test` leaves out because of their time: `*.long.test.ts`. */
function runLong() {
  process.env.SIGNALBOX_LONG = "1";
  run("vitest", "run", "--config", "vitest.workspace.ts", ".long.test.ts");
}

/** Tests of packages that take as long as they are told to, and how long that is here; `npm test` has some of each. */
const MANY = {
  SIGNALBOX_CRASH_CYCLES: { file: "test/crash.test.ts", count: "50" },
  SIGNALBOX_STATE_KILLS: { file: "test/kill.test.ts", count: "30" },
  SIGNALBOX_APPROVAL_RACES: { file: "session/approval-race.test.ts", count: "10000" },
};

/** The fault tests, with many cycles: about five minutes on two cores. */
function runFaults() {
  process.env.SIGNALBOX_LONG = "1";
  process.env.SIGNALBOX_FAULT_SCALE ??= "8";
  for (const [name, { count }] of Object.entries(MANY)) process.env[name] ??= count;
  run("vitest", "run", "--config", "vitest.workspace.ts", "faults/", ...Object.values(MANY).map((many) => many.file));
}

/** Packs what is published just as it would be, and checks the tarballs: paths, exports and types as users get them. */
function checkPackages() {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-packages-"));
  try {
    for (const { path, manifest } of publishedPackages()) {
      const tarball = join(folder, `${manifest.name.slice(1).replace("/", "-")}.tgz`);
      runQuietly("pnpm", "--dir", path, "pack", "--out", tarball);
      runQuietly("publint", "run", "--strict", tarball);
      // Apps are bundles without types; only libraries have any to check.
      if (!path.startsWith(join(ROOT, "apps")))
        runQuietly("attw", tarball, "--profile", "esm-only", "--format", "ascii");
      console.log(`${manifest.name} is fit to publish`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function publishedPackages() {
  return globSync("{packages,apps}/*/package.json", { cwd: ROOT })
    .sort()
    .map((file) => ({ path: join(ROOT, dirname(file)), manifest: JSON.parse(readFileSync(join(ROOT, file), "utf8")) }))
    .filter(({ manifest }) => !manifest.private);
}

function run(program, ...args) {
  start(program, args, { stdio: "inherit" });
}

/** Shows what the program said only when it fails. */
function runQuietly(program, ...args) {
  start(program, args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}

function start(program, args, options) {
  const PATH = [join(ROOT, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, env, ...options });
  if (status === 0) return;
  process.stdout.write(`${stdout ?? ""}${stderr ?? ""}`);
  throw new StageFailed(`${[program, ...args].join(" ")} ${error?.message ?? `ended with ${signal ?? status}`}`);
}

main();
