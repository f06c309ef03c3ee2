import type { DeliveryState, Webhook } from "@signalbox/protocol";
import { Option, type Command } from "commander";

import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";
import type { Act } from "../program.ts";
import { readCount, readMilliseconds } from "../read-milliseconds.ts";
import { ago, until } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";
import { showSecret, showWebhook, webhookWord } from "../webhooks/show-webhook.ts";
import { listEvents } from "../webhooks/list-events.ts";
import { showDeliveryDetails } from "../webhooks/show-delivery-details.ts";
import { redeliver } from "../webhooks/redeliver.ts";
import { testWebhook } from "../webhooks/test-webhook.ts";

interface Changes {
  readonly url?: string;
  readonly event?: string[];
  readonly enable?: true;
  readonly disable?: true;
}

/** Those of the protocol; they stand here too so that `--help` loads nothing. */
const STATES = ["pending", "delivered", "failed"] satisfies DeliveryState[];
const EVENTS = "a type of event, a family such as approval.*, or * for all";

/** `signalbox webhooks`: who else is told of what happens. */
export function define(command: Command, act: Act): void {
  command.action(act(list));
  const about = (verb: string) => command.command(verb).argument("<webhook>", "its id");
  command.command("list").description("list webhooks").action(act(list));
  command
    .command("create")
    .argument("<url>", "where events are posted")
    .description("let a URL be told of events; prints the secret that signs them, this once")
    .option("-e, --event <type...>", EVENTS)
    .action(act(create));
  about("show").description("show one webhook").action(act(show));
  about("update")
    .description("send it elsewhere, let it tell of other events, or switch it on or off")
    .option("--url <url>", "where events are posted")
    .option("-e, --event <type...>", EVENTS)
    .option("--enable", "switch it on again; what waited is told")
    .addOption(new Option("--disable", "switch it off; what waits is kept").conflicts("enable"))
    .action(act(update));
  about("delete").description("end it; what waits for it is gone").action(act(remove));
  about("rotate")
    .description("give it another secret, printed this once; the one before signs as well for a while")
    .option("--overlap <time>", "how long the secret before is good for, such as 0s or 12h", readMilliseconds)
    .action(act(rotate));
  about("test").description("post an event that is about nothing, and tell what came of it").action(act(testWebhook));
  about("deliveries")
    .description("list what became of the events that it asked for, newest first")
    .addOption(new Option("--state <state>", "only deliveries in this state").choices(STATES))
    .option("-n, --limit <count>", "how many", readCount, 50)
    .action(act(deliveries));
  about("delivery")
    .argument("<delivery>", "its id")
    .description("show what became of one event, and what is posted of it")
    .action(act(showDeliveryDetails));
  about("redeliver")
    .argument("[delivery]", "its id")
    .description("send what was delivered or given up once more, under the same id")
    .option("--failed", "all that was given up, oldest first")
    .option("--since <time>", "with --failed: what was to be told within that time, such as 12h", readMilliseconds)
    .action(act(redeliver));
  command.command("events").description("list the events that webhooks can be told of").action(act(listEvents));
}

async function list(context: Context): Promise<void> {
  const { output, now } = context;
  output.result(await (await context.client()).webhooks.list(), ({ items }) => {
    const rows = items.map((webhook) => [
      webhook.id,
      webhookWord(webhook),
      ago(webhook.createdAt, now()),
      remoteText(webhook.url),
      webhook.events.map(remoteText).join(" "),
    ]);
    output.table(["WEBHOOK", "STATE", "MADE", "URL", "EVENTS"], rows, "no webhooks; `signalbox webhooks create <url>`");
  });
}

async function create(context: Context, url: string, { event }: { event?: string[] }): Promise<void> {
  const client = await context.client();
  const made = await client.webhooks.create({ url, ...(event === undefined ? {} : { events: event }) });
  context.output.result(made, () => showSecret(context, made));
}

async function show(context: Context, webhookId: string): Promise<void> {
  tell(context, await (await context.client()).webhooks.get(webhookId));
}

async function update(context: Context, webhookId: string, { url, event, enable, disable }: Changes): Promise<void> {
  const active = enable ?? (disable ? false : undefined);
  const change = {
    ...(url === undefined ? {} : { url }),
    ...(event === undefined ? {} : { events: event }),
    ...(active === undefined ? {} : { active }),
  };
  if (Object.keys(change).length === 0)
    throw usageError("nothing is to be changed", "give --url, --event, --enable or --disable");
  tell(context, await (await context.client()).webhooks.update(webhookId, change));
}

async function remove(context: Context, webhookId: string): Promise<void> {
  const { output } = context;
  const webhook = await (await context.client()).webhooks.delete(webhookId);
  output.result(webhook, ({ id }) => output.line(`${id} is deleted`));
}

async function rotate(context: Context, webhookId: string, { overlap }: { overlap?: number }): Promise<void> {
  const request = overlap === undefined ? {} : { overlapMs: overlap };
  const made = await (await context.client()).webhooks.rotate(webhookId, request);
  context.output.result(made, () => showSecret(context, made));
}

async function deliveries(
  context: Context,
  webhookId: string,
  query: { state?: DeliveryState; limit: number },
): Promise<void> {
  const { output, now } = context;
  output.result(await (await context.client()).webhooks.deliveries(webhookId, query), ({ items }) => {
    const rows = items.map((delivery) => [
      delivery.id,
      delivery.state,
      ago(delivery.createdAt, now()),
      String(delivery.attempts),
      delivery.nextAttemptAt === undefined ? "" : until(delivery.nextAttemptAt, now()),
      String(delivery.lastStatus ?? delivery.lastError ?? ""),
      remoteText(delivery.eventType),
      delivery.runId ?? delivery.stream ?? "",
    ]);
    const heads = ["DELIVERY", "STATE", "MADE", "TRIES", "NEXT", "LAST", "EVENT", "OF"];
    output.table(heads, rows, "nothing was to be told yet");
  });
}

function tell(context: Context, webhook: Webhook): void {
  context.output.result(webhook, () => showWebhook(context, webhook));
}
