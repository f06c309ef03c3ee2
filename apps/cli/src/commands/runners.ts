import type { Runner } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { readLabels } from "../read-labels.ts";
import { readMilliseconds } from "../read-milliseconds.ts";
import { ago, until } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

/** `signalbox runners`: the machines of the fleet. */
export function define(command: Command, act: Act): void {
  command.action(act(listRunners));
  command.command("show").argument("<runner>", "its id").description("show one machine").action(act(showRunner));
  command.command("drain").argument("<runner>", "its id").description("give it no new work").action(act(drainRunner));
  command.command("resume").argument("<runner>", "its id").description("give it work again").action(act(resumeRunner));
  command
    .command("remove")
    .argument("<runner>", "its id")
    .description("remove it from the fleet for good; its key is refused from then on")
    .option("--reason <text>", "why, for the record")
    .action(act(removeRunner));
  command
    .command("token")
    .description("make a single-use token with which a machine can join")
    .option("--ttl <time>", "how long it can be used, at most 1h", readMilliseconds)
    .option(
      "-l, --label <name=value>",
      "a label that the machine gets; may be repeated",
      (value, before: string[]) => [...before, value],
      [],
    )
    .action(act(createToken));
}

async function listRunners({ client, output, now }: Context): Promise<void> {
  const page = await (await client()).runners.list({ pageSize: 200 });
  output.result(page, ({ items, total }) => {
    const rows = items.map((runner) => [
      runner.id,
      runner.connected ? runner.status : runner.status === "online" ? "disconnected" : runner.status,
      `${runner.activeAttempts}/${runner.capabilities.maxConcurrentSessions}`,
      runner.lastHeartbeatAt === undefined ? "never" : ago(runner.lastHeartbeatAt, now()),
      remoteText(runner.hostname),
      runner.capabilities.providers.map(remoteText).join(","),
      labelWords(runner.labels),
    ]);
    output.table(
      ["RUNNER", "STATE", "BUSY", "HEARD", "HOST", "AGENTS", "LABELS"],
      rows,
      "no runners; add one with `signalbox runners token` and `signalbox runner`",
    );
    if (total > items.length) output.note(`${total - items.length} more`);
  });
}

async function showRunner({ client, output, now }: Context, runnerId: string): Promise<void> {
  const runner = await (await client()).runners.get(runnerId);
  output.result(runner, () => {
    const facts: [string, string][] = [
      ["runner", runner.id],
      ["state", `${runner.status}${runner.connected ? "" : ", not connected"}`],
      ["host", remoteText(runner.hostname)],
      ["at work on", `${runner.activeAttempts} of ${runner.capabilities.maxConcurrentSessions}`],
      ["agents", runner.capabilities.providers.map(remoteText).join(", ")],
      ["features", runner.capabilities.features.map(remoteText).join(", ")],
      ["labels", labelWords(runner.labels)],
      ["versions", labelWords(runner.runtimeVersions)],
      ["joined", ago(runner.registeredAt, now())],
      ["heard", runner.lastHeartbeatAt === undefined ? "never" : ago(runner.lastHeartbeatAt, now())],
    ];
    for (const [name, value] of facts) if (value !== "") output.line(`${output.colors.dim(name.padEnd(12))}${value}`);
  });
}

async function drainRunner(context: Context, runnerId: string): Promise<void> {
  tell(context, await (await context.client()).runners.drain(runnerId));
}

async function resumeRunner(context: Context, runnerId: string): Promise<void> {
  tell(context, await (await context.client()).runners.resume(runnerId));
}

async function removeRunner(context: Context, runnerId: string, { reason }: { reason?: string }): Promise<void> {
  tell(context, await (await context.client()).runners.remove(runnerId, reason === undefined ? {} : { reason }));
}

async function createToken(context: Context, { ttl, label }: { ttl?: number; label: string[] }): Promise<void> {
  const { output, now, serverUrl } = context;
  const client = await context.client();
  const request = {
    ...(ttl === undefined ? {} : { ttlMs: ttl }),
    ...(label.length === 0 ? {} : { labels: readLabels(label) }),
  };
  const made = await client.runners.createEnrolmentToken(request);
  output.result(made, ({ token, expiresAt }) => {
    output.line(token);
    output.note(
      `it admits one machine and expires ${until(expiresAt, now())}; there:\n  signalbox runner --server ${serverUrl} --token ${token}`,
    );
  });
}

function tell({ output }: Context, runner: Runner): void {
  output.result(runner, () => output.line(`${runner.id} is ${runner.status}`));
}

function labelWords(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${remoteText(name)}=${remoteText(value)}`)
    .join(" ");
}
