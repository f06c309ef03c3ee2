import type { Client } from "@signalbox/client";
import type { Runner } from "@signalbox/protocol";
import type { RunningServer } from "@signalbox/server-app";
import { Option, type Command } from "commander";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Context } from "../context.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { localDataDirectory } from "../local-server.ts";
import type { ChildKeeper } from "../local/child-keeper.ts";
import { embeddedRunner, untilOnline } from "../local/embedded-runner.ts";
import { defineServerOptions, startLocalServer, type ServerOptions } from "../local/start-local-server.ts";
import type { Act } from "../program.ts";

interface Options extends ServerOptions {
  readonly sample?: true;
  readonly localRepos: boolean;
  readonly agents?: string;
}

/** `signalbox up`: a server and a runner on this machine, in one go. */
export function define(command: Command, act: Act): void {
  defineServerOptions(command)
    .option("--sample", "on an empty store, run a sample first and show it")
    .option("--no-local-repos", "do not let runs use repositories on this machine's disk", true)
    .addOption(
      new Option(
        "--agents <which>",
        "auto: offer every agent that is installed here; listed: only those of agents.json in the data folder (SIGNALBOX_AGENTS; default auto)",
      ).choices(["auto", "listed"]),
    )
    .addHelpText("after", "\nCtrl-C stops both once their work is recorded; a second Ctrl-C stops them at once.")
    .action(act(bringUp));
}

async function bringUp(context: Context, options: Options): Promise<void> {
  const { output } = context;
  const stopping = new AbortController();
  const running: { keeper?: ChildKeeper } = {};
  // Heard until everything is closed, so that it is declared first.
  using _ = context.interrupts.on(() => {
    if (!stopping.signal.aborted) return stopping.abort();
    running.keeper?.kill();
    process.exit(EXIT_CODES.interrupted.code);
  });
  await using server = await startLocalServer(context, options, { logLevel: "warn" });
  const url = server.urls[0] ?? "";
  const client = await clientOf(url, server);
  const data = dataDirectory(context, options, server);
  const folder = join(data, "runners", String(server.port));
  await using keeper = embeddedRunner(context, {
    client,
    serverUrl: url,
    folder,
    allowsFileRepositories: options.localRepos,
    // Whoever installs an agent on the machine where they run this wants it used here; a machine of a fleet is asked to list them.
    agents: options.agents ?? (context.environment.variables["SIGNALBOX_AGENTS"] || "auto"),
    agentsFile: join(data, "agents.json"),
  });
  running.keeper = keeper;
  keeper.start();
  const runner = await untilOnline(client, folder, stopping.signal);
  tellAddresses(context, server, runner);
  if (!output.isJson) await showPlugins(context, client, options);
  if (options.sample && runner) await showSample(context, client, data, stopping.signal);
  if (!stopping.signal.aborted && !output.isJson) await tellNextThings(context, url, data);
  await aborted(stopping.signal);
  output.note("stopping; Ctrl-C again does not wait for the work to be recorded");
}

async function clientOf(baseUrl: string, { adminTokenFile }: RunningServer): Promise<Client> {
  const { createClient } = await import("@signalbox/client");
  const token = adminTokenFile === undefined ? undefined : (await readFile(adminTokenFile, "utf8")).trim();
  return createClient({ baseUrl, token });
}

function dataDirectory({ environment }: Context, { dataDir }: Options, { adminTokenFile }: RunningServer): string {
  if (adminTokenFile !== undefined) return dirname(adminTokenFile);
  return dataDir ?? localDataDirectory(environment) ?? ".signalbox";
}

function tellAddresses({ output }: Context, server: RunningServer, runner: Runner | undefined): void {
  const { urls, adminTokenFile } = server;
  if (output.isJson) return output.document({ urls, tokenFile: adminTokenFile, runnerId: runner?.id });
  const { bold, dim, green, yellow } = output.colors;
  output.line(`${green("●")} ${bold("Signalbox")} serves at ${bold(urls[0] ?? "")}`);
  output.line(`  ${dim("API    ")} ${urls[0]}/api/v1   ${dim("documents")} ${urls[0]}/api-docs`);
  if (adminTokenFile === undefined)
    output.line(`  ${dim("token  ")} ${yellow("none: everybody on this machine is admin")}`);
  else output.line(`  ${dim("token  ")} ${adminTokenFile} ${dim("(found by itself on this machine)")}`);
  output.line(
    `  ${dim("runner ")} ${runner ? `${runner.id}, ${sandboxWords(runner)}` : yellow("is not there yet; `signalbox runners` shows when it is")}`,
  );
  if (runner) output.line(`  ${dim("agents ")} ${agentWords(runner)}`);
}

/** The last of the addresses, and an empty line after them. */
async function showPlugins(context: Context, client: Client, { plugins }: Options): Promise<void> {
  if (plugins !== undefined || context.environment.variables["SIGNALBOX_PLUGINS_DIR"]) {
    const { tellPlugins } = await import("../plugins/tell-plugins.ts");
    await tellPlugins(context, client);
  }
  context.output.line();
}

function sandboxWords({ capabilities }: Runner): string {
  return capabilities.features.includes("sandbox")
    ? "steps run in a sandbox"
    : "steps run WITHOUT a sandbox: `signalbox doctor` tells why";
}

function agentWords({ capabilities, runtimeVersions }: Runner): string {
  const offered = capabilities.providers.filter((name) => name !== "scripted");
  if (offered.length === 0) return "none yet; `signalbox agents install` puts one here, and the next start finds it";
  return offered.map((name) => [name, runtimeVersions[name]].filter(Boolean).join(" ")).join(", ");
}

async function showSample(context: Context, client: Client, folder: string, signal: AbortSignal): Promise<void> {
  const { runSample } = await import("../sample/run-sample.ts");
  await runSample(context, client, folder, signal);
}

async function tellNextThings({ output, environment }: Context, url: string, dataDir: string): Promise<void> {
  const { nextThings } = await import("../sample/next-things.ts");
  const [node = "", program = ""] = process.argv;
  const named = dataDir === localDataDirectory({ ...environment, variables: {} }) ? undefined : dataDir;
  for (const line of nextThings(output.colors, { url, dataDir: named, program, node })) output.line(line);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
