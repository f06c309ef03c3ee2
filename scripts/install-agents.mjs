// Installs the coding agents that tests run, at the versions they are pinned to, into a cache outside the repository.
//   node scripts/bootstrap.mjs exec node scripts/install-agents.mjs [provider…]
// With --lock first, it writes the lockfiles that these installs are made from: to be done when a pin was moved.
// It says what it could not install and exits with 1: their tests are skipped, and say so.
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import {
  agentsCacheDir,
  INSTALLABLE_PROVIDERS,
  installAgent,
  isInstallable,
  npmEnvironment,
  PINNED_AGENTS,
} from "../packages/agents/src/install/index.ts";

async function main(words) {
  const isLocking = words[0] === "--lock";
  const names = isLocking ? words.slice(1) : words;
  const unknown = names.filter((name) => !isInstallable(name));
  if (unknown.length > 0)
    throw new Error(`there is no ${unknown.join(", ")}; there are ${INSTALLABLE_PROVIDERS.join(", ")}`);
  const providers = names.length > 0 ? names : INSTALLABLE_PROVIDERS;
  if (isLocking) for (const provider of providers) await lock(provider);

  const root = agentsCacheDir(process.env);
  say(`agents are kept in ${root}`);
  // One at a time: each is some hundred megabytes to unpack.
  for (const provider of providers) await install(provider, root);
}

/** Installs once without a lockfile, elsewhere, and keeps the one that npm made. */
async function lock(provider) {
  const root = await mkdtemp(join(tmpdir(), "signalbox-agents-"));
  try {
    const { dir } = await installAgent({ provider, version: PINNED_AGENTS[provider], root, npm: npm() });
    await copyFile(join(dir, "package-lock.json"), lockfileOf(provider));
    say(`${provider} ${PINNED_AGENTS[provider]}: locked`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function lockfileOf(provider) {
  return fileURLToPath(new URL(`../packages/agents/src/install/locks/${provider}.json`, import.meta.url));
}

async function install(provider, root) {
  const name = `${provider} ${PINNED_AGENTS[provider]}`;
  const startedAt = performance.now();
  let worked = false;
  try {
    const { dir } = await installAgent({
      provider,
      version: PINNED_AGENTS[provider],
      root,
      npm: npm(),
      lockfile: await readFile(lockfileOf(provider), "utf8"),
      onProgress: (stage) => {
        worked ||= stage === "fetching";
        if (stage === "waiting") say(`${name}: waiting for another install of it`);
      },
    });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    say(worked ? `${name}: installed in ${seconds} s` : `${name}: is there, in ${dir}`);
  } catch (error) {
    process.exitCode = 1;
    say(`${name}: ${error.code ? `${error.code}: ${error.message}` : error.stack}; its tests are skipped`);
  }
}

/** The npm that runs us, else the one on PATH. */
function npm() {
  const ours = process.env.npm_execpath;
  const command = ours?.endsWith("npm-cli.js") ? [process.execPath, ours] : ["npm"];
  return { command, env: npmEnvironment(process.env) };
}

function say(text) {
  console.log(`agents: ${text}`);
}

await main(process.argv.slice(2));
