import type { Plugin } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import { approvePlugin } from "../plugins/approve-plugin.ts";
import { checkPlugin } from "../plugins/check-plugin.ts";
import { defineRequests } from "../plugins/send-request.ts";
import { registerPlugin } from "../plugins/register-plugin.ts";
import { pluginWord, showLog, showPlugin } from "../plugins/show-plugin.ts";
import type { Act } from "../program.ts";
import { readMilliseconds } from "../read-milliseconds.ts";
import { until } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

/** `signalbox plugins`: what there is, what may run, and what runs. */
export function define(command: Command, act: Act): void {
  command.action(act(listPlugins));
  const named = (verb: string) => command.command(verb).argument("<plugin>", "its name");
  named("show").description("show one plugin, its manifest and what it may do").action(act(showOne));
  command
    .command("check")
    .argument("<folder>", "the plugin's folder, with .claude-plugin/plugin.json in it")
    .description("check a plugin's manifest on this machine, without a server; tells every problem at once")
    .action(act(checkPlugin));
  named("approve")
    .description("let it run with exactly the manifest that is shown")
    .option("--hash <sha256>", "approve only exactly this manifest, as it was shown before")
    .option("-y, --yes", "do not ask; needs --hash, so that what is approved was seen")
    .addHelpText(
      "after",
      "\nThe whole manifest is shown first, with nothing hidden, and what it lets the plugin do on the bus. A\nmanifest that changes later waits for approval again, and the plugin is stopped.",
    )
    .action(act(approvePlugin));
  named("revoke")
    .description("take its approval and tokens away and close its connection")
    .option("--reason <text>", "why, for the record")
    .action(act(revoke));
  named("start").description("start an approved plugin of the server's plugins folder").action(act(start));
  named("stop").description("stop its process").action(act(stop));
  named("restart").description("stop its process and start it again").action(act(restart));
  named("logs").description("print what its process wrote last").action(act(printLogs));
  command
    .command("register")
    .argument("<file>", "its plugin.json, or - for stdin")
    .description("make a plugin known that runs elsewhere; it waits for approval")
    .action(act(registerPlugin));
  named("token")
    .description("make a token with which an approved plugin connects from elsewhere; printed this once")
    .option("--expires <time>", "ends it after this time, such as 12h or 90d", readMilliseconds)
    .action(act(createToken));
  defineRequests(command, act);
}

async function listPlugins({ client, output }: Context): Promise<void> {
  const list = await (await client()).plugins.list();
  output.result(list, ({ items, problems }) => {
    const rows = items.map((plugin) => [
      plugin.name,
      plugin.state,
      pluginWord(plugin),
      plugin.connected ? "yes" : "no",
      plugin.breaker,
      remoteText(plugin.version),
      plugin.origin,
    ]);
    output.table(
      ["PLUGIN", "STATE", "PROCESS", "CONNECTED", "BREAKER", "VERSION", "FROM"],
      rows,
      "no plugins; start the server with --plugins <folder>, or `signalbox plugins register` one",
    );
    for (const { folder, issues } of problems) {
      output.note(`${remoteText(folder)} is no plugin:`);
      for (const { path, message } of issues)
        output.note(`  ${remoteText(path === "" ? message : `${path}: ${message}`)}`);
    }
  });
}

async function showOne(context: Context, name: string): Promise<void> {
  const plugin = await (await context.client()).plugins.get(name);
  context.output.result(plugin, () => showPlugin(context, plugin));
}

async function revoke(context: Context, name: string, { reason }: { reason?: string }): Promise<void> {
  tell(context, await (await context.client()).plugins.revoke(name, reason === undefined ? {} : { reason }));
}

async function start(context: Context, name: string): Promise<void> {
  tell(context, await (await context.client()).plugins.start(name));
}

async function stop(context: Context, name: string): Promise<void> {
  tell(context, await (await context.client()).plugins.stop(name));
}

async function restart(context: Context, name: string): Promise<void> {
  tell(context, await (await context.client()).plugins.restart(name));
}

async function printLogs(context: Context, name: string): Promise<void> {
  const log = await (await context.client()).plugins.logs(name);
  context.output.result(log, ({ lines }) => showLog(context, lines));
}

async function createToken(context: Context, name: string, { expires }: { expires?: number }): Promise<void> {
  const { output, now } = context;
  const made = await (
    await context.client()
  ).plugins.createToken(name, expires === undefined ? {} : { expiresInMs: expires });
  output.result(made, ({ id, token, expiresAt }) => {
    output.line(token);
    const end = expiresAt === undefined ? "" : `it expires ${until(expiresAt, now())}; `;
    output.note(`${end}keep it now, it is not shown again; revoke it with \`signalbox token revoke ${id}\``);
  });
}

function tell({ output }: Context, plugin: Plugin): void {
  const process = plugin.process ? `; its process is ${pluginWord(plugin)}` : "";
  output.result(plugin, () => output.line(`${plugin.name} is ${plugin.state}${process}`));
}
