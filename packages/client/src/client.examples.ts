import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import { createClient, isGap, RequestRefusedError, verifyWebhook, WebhookVerificationError } from "./index.ts";

/** What the README shows; compiled, so that it stays true. */
export async function quickStart(): Promise<void> {
  const client = createClient({ baseUrl: "http://127.0.0.1:3000", token: process.env["SIGNALBOX_TOKEN"] });

  const run = await client.runs.create({
    plan: { goal: "Check it", steps: [{ name: "test", tool: "command", inputs: { shell: "npm test" } }] },
    repo: { url: "https://git.example/team/project.git" },
  });

  for await (const item of client.runs.watch(run.id)) {
    if (isGap(item)) console.log("events before", item.gap.earliest, "are gone");
    else console.log(item.seq, item.type, item.data["name"]);
  }

  const { run: ended } = await client.runs.get(run.id);
  console.log(ended.status, ended.reason);
}

export async function decide(): Promise<void> {
  const client = createClient();

  for (const gate of (await client.gates.list({ status: "pending" })).items) {
    console.log(gate.content.description, gate.content.guards);
    try {
      await client.gates.approve(gate.id, { contentHash: gate.contentHash, note: "read it" });
    } catch (error) {
      if (!(error instanceof RequestRefusedError) || error.code !== "CONTENT_CHANGED") throw error;
    }
  }
}

export function receiver(secret: string): Server {
  return createServer((incoming, outgoing) => void receive(incoming, outgoing, secret));
}

async function receive(incoming: IncomingMessage, outgoing: ServerResponse, secret: string): Promise<void> {
  const body = Buffer.concat(await incoming.toArray());
  try {
    const message = await verifyWebhook({ body, headers: incoming.headers }, { secret });
    if (message.event_type === "approval.requested") console.log(message.session_id, message.payload["description"]);
    outgoing.end();
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    outgoing.writeHead(400).end();
  }
}
