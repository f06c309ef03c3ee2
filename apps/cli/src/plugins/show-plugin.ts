import type { Plugin, PluginAccess, PluginDetails, PluginLogLine } from "@signalbox/protocol";

import type { Context } from "../context.ts";
import { ago } from "../text/format.ts";
import { outputLine, remoteText, visibleJson } from "../text/remote-text.ts";

/** What is told of a plugin's log here; `signalbox plugins logs` has the rest. */
const LOG_LINES = 10;

/** What the server's process of a plugin is at, in a word; `–` where this server starts none. */
export function pluginWord({ process }: Plugin): string {
  if (!process) return "–";
  return process.restarts === 0 ? process.state : `${process.state} (${process.restarts} restarts)`;
}

/** Prints a plugin: how it stands, its whole manifest with nothing hidden, what it may do, and what it wrote last. */
export function showPlugin(context: Context, plugin: PluginDetails): void {
  const { output, now } = context;
  const { dim, yellow } = output.colors;
  const fact = (name: string, value: string) => output.line(`${dim(name.padEnd(12))}${value}`);
  fact("plugin", remoteText(`${plugin.name} ${plugin.version}`));
  fact("state", plugin.state);
  if (plugin.approvedAt !== undefined)
    fact(
      "approved",
      `${ago(plugin.approvedAt, now())} by ${plugin.approvedBy?.kind ?? ""} ${plugin.approvedBy?.id ?? ""}`,
    );
  fact("runs", plugin.origin === "folder" ? "on the server, from its plugins folder" : "elsewhere");
  if (plugin.process) {
    const pid = plugin.process.pid === undefined ? "" : `, pid ${plugin.process.pid}`;
    fact("process", `${pluginWord(plugin)}${pid}`);
  }
  fact("connected", plugin.connectedAt === undefined ? "no" : `since ${ago(plugin.connectedAt, now())}`);
  fact("breaker", plugin.breaker === "closed" ? "closed" : yellow(plugin.breaker));
  if (plugin.lastFailure)
    fact("failure", `${ago(plugin.lastFailure.at, now())}: ${remoteText(plugin.lastFailure.message)}`);
  output.line();
  showManifest(context, plugin);
  if (plugin.log.length > 0) output.line(dim("wrote last"));
  showLog(context, plugin.log.slice(-LOG_LINES), "  ");
}

/** Prints what a plugin's process wrote; what the server has to say of it stands apart. */
export function showLog({ output }: Context, lines: readonly PluginLogLine[], indent = ""): void {
  const { dim, isColorSupported } = output.colors;
  for (const { stream, text } of lines) {
    const line = outputLine(text, { keepColors: isColorSupported });
    output.line(`${indent}${stream === "host" ? dim(`(${line})`) : line}`);
  }
}

/** Prints everything that an approval is about. */
export function showManifest(
  { output }: Context,
  { manifest, routingConfig, access, manifestHash }: PluginDetails,
): void {
  const { dim, yellow } = output.colors;
  output.line(visibleJson(manifest));
  if (routingConfig) output.line(`${dim("with its routing-config.json")}\n${visibleJson(routingConfig)}`);
  output.line();
  output.line(dim("once it is approved, beside its own topics it"));
  for (const line of accessLines(access)) output.line(`  ${line}`);
  output.line();
  output.line(`${dim("hash        ")}${manifestHash}`);
  const documents = [manifest, ...(routingConfig ? [routingConfig] : [])];
  if (documents.some((document) => visibleJson(document) !== JSON.stringify(document, undefined, 2)))
    output.line(yellow("some characters cannot be seen; they stand as \\u{…} above"));
  output.line();
}

function accessLines({ publish, subscribe, request, call, serve }: PluginAccess): string[] {
  const list = (texts: readonly string[]) => texts.map(remoteText).join(", ");
  const plugins = (names: readonly string[]) => (names.includes("*") ? "EVERY plugin" : list(names));
  const lines = [
    publish.length > 0 ? `sends on ${list(publish)}` : "",
    subscribe.length > 0 ? `hears ${list(subscribe)}` : "",
    request.length > 0 ? `sends requests to ${plugins(request)}` : "",
    call.length > 0 ? `calls methods of ${plugins(call)}` : "",
    serve ? "serves methods to others" : "",
  ].filter(Boolean);
  return lines.length > 0 ? lines : ["does nothing"];
}
