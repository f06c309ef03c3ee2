import type { DispatchPluginInput, PluginRoute, RoutePluginRequest } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";
import type { Act } from "../program.ts";
import { readMilliseconds } from "../read-milliseconds.ts";
import { remoteText, visibleJson } from "../text/remote-text.ts";

interface RouteOptions {
  readonly path: string[];
  readonly domain: string[];
  readonly context: string[];
  readonly from?: string;
}

interface SendOptions extends RouteOptions {
  readonly payload?: string;
  readonly timeout?: number;
}

/** `signalbox plugins route` and `send`: which plugin a request goes to, and its way there. */
export function defineRequests(command: Command, act: Act): void {
  withRouting(command.command("route"))
    .description("show which plugin a request would go to, and why; nothing is sent")
    .action(act(route));
  withRouting(command.command("send"))
    .description("send a request to the plugin that fits best, and print its answer")
    .option("--payload <json>", 'what it is sent, an object: \'{"command":"greet","parameters":{}}\'')
    .option("--timeout <time>", "how long to wait for the answer (default 30s)", readMilliseconds)
    .action(act(send));
}

function withRouting(command: Command): Command {
  const more = (value: string, before: string[]) => [...before, value];
  return command
    .argument("[text]", "what is wanted, in words", "")
    .option("--path <file>", "a file that it is about; may be repeated", more, [])
    .option("--domain <word>", "a domain that it is in; may be repeated", more, [])
    .option("--context <word>", "a context that it is in; may be repeated", more, [])
    .option("--from <plugin>", "the plugin that hands it on");
}

async function route(context: Context, text: string, options: RouteOptions): Promise<void> {
  const routed = await (await context.client()).plugins.route(requestOf(text, options));
  context.output.result(routed, () => showRoute(context, routed));
}

async function send(context: Context, text: string, options: SendOptions): Promise<void> {
  const request: DispatchPluginInput = {
    ...requestOf(text, options),
    ...(options.payload === undefined ? {} : { payload: readPayload(options.payload) }),
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
  };
  const answer = await (await context.client()).plugins.dispatch(request);
  context.output.result(answer, ({ plugin, response }) => {
    context.output.note(`${plugin} answers:`);
    context.output.line(visibleJson(response ?? null));
  });
}

function requestOf(text: string, { path, domain, context, from }: RouteOptions): RoutePluginRequest {
  return {
    ...(text === "" ? {} : { text }),
    ...(path.length === 0 ? {} : { paths: path }),
    ...(domain.length === 0 ? {} : { domains: domain }),
    ...(context.length === 0 ? {} : { contexts: context }),
    ...(from === undefined ? {} : { from }),
  };
}

function showRoute({ output }: Context, { primaryPlugin, candidates, leftOut }: PluginRoute): void {
  const { bold, dim } = output.colors;
  if (candidates.length + leftOut.length === 0)
    return output.note("there are no approved plugins; `signalbox plugins` shows what there is");
  output.line(primaryPlugin === undefined ? "it goes nowhere" : `it goes to ${bold(primaryPlugin)}`);
  output.line();
  for (const { plugin, score, matches } of candidates) {
    output.line(`${plugin.padEnd(24)}${score}`);
    for (const { kind, term, points } of matches)
      output.line(dim(`  ${remoteText(`${kind} ${term}`).padEnd(22)}${points}`));
  }
  for (const { plugin, obstacles } of leftOut)
    output.line(dim(`${plugin.padEnd(24)}no: ${obstacles.map(({ detail }) => remoteText(detail)).join("; ")}`));
}

function readPayload(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw usageError(`--payload is not JSON: ${(error as Error).message}`);
  }
  throw usageError("--payload takes a JSON object");
}
