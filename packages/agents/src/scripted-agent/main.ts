// The scripted agent as a program: it speaks the Agent Client Protocol on its standard streams.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ndJsonStream } from "@agentclientprotocol/sdk";
import * as z from "zod";
import { AgentHost } from "./agent-host.ts";
import { DEFAULT_SCRIPT } from "./default-script.ts";
import { playOutside } from "./host-steps.ts";
import { AgentScriptSchema } from "@signalbox/protocol/agent-script";
import type { AgentScript } from "@signalbox/protocol/agent-script";
import { SCRIPTED_AGENT_VERSION, scriptedAgent } from "./scripted-agent.ts";

const HELP = `scripted-agent [--script FILE] [--state DIR]

Plays the JSON script in FILE over the Agent Client Protocol, on standard input and output; without one, a short script
of its own. Sessions are kept in DIR, by default .signalbox-scripted-agent in the home folder.
`;

/** Something that whoever starts it can act on: printed as one sentence, without a stack. */
class Refusal extends Error {}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      script: { type: "string" },
      state: { type: "string" },
      help: { type: "boolean" },
      version: { type: "boolean" },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  if (values.version) return void process.stdout.write(`${SCRIPTED_AGENT_VERSION}\n`);

  const script = values.script === undefined ? AgentScriptSchema.parse(DEFAULT_SCRIPT) : readScript(values.script);
  const stateDir = values.state ?? join(homedir(), ".signalbox-scripted-agent");
  const host = new AgentHost();
  await playOutside(script.start, { host, cwd: process.cwd(), wait: (ms) => sleep(ms) });
  // Node's web streams and those of its types are the same at run time.
  const input = Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>;
  const { closed } = scriptedAgent({ script, stateDir, host }).connect(ndJsonStream(host.writable(), input));
  await closed;
  host.end(0);
}

function readScript(file: string): AgentScript {
  try {
    return AgentScriptSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    if (error instanceof z.ZodError) throw new Refusal(`${file} is no script:\n${z.prettifyError(error)}`);
    throw new Refusal(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`scripted-agent: ${error instanceof Refusal ? error.message : String(error)}\n`);
  process.exit(2);
});
