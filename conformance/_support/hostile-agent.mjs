// An agent that speaks ACP only as far as it must, and then does what its task names. `--first <deed>`: before it says anything.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const PIECE = "x".repeat(60_000);
const DAEMON = "trap '' TERM INT HUP; echo $$ > daemon.pid; while :; do sleep 1; done";

const send = (frame) => print(`${JSON.stringify({ jsonrpc: "2.0", ...frame })}\n`);
const update = (update) => send({ method: "session/update", params: { sessionId: "s1", update } });
const say = (text) => update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } });

/** Waits for its reader, as a program with a blocking pipe would. */
function print(text, stream = process.stdout) {
  return new Promise((resolve) => stream.write(text, () => resolve()));
}

async function repeat(bytes, piece, doing) {
  for (let left = bytes; left > 0; left -= piece.length) await doing();
}

function deaf() {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => undefined);
  setInterval(() => undefined, 60_000);
}

/** A child of a child, in a session of its own, deaf, and with hold of every stream. */
function daemon(env = process.env, mark = "") {
  const script = `(setsid sh -c ": ${mark}; ${DAEMON.replaceAll('"', '\\"').replaceAll("$", "\\$")}" & )`;
  const child = spawn("/bin/sh", ["-c", script], { stdio: "inherit", env, detached: true });
  return new Promise((resolve) => child.once("exit", resolve));
}

const never = new Promise(() => undefined);
const ask = (id, command = `echo ${id}`) =>
  send({
    id,
    method: "session/request_permission",
    params: {
      sessionId: "s1",
      toolCall: { toolCallId: `c${id}`, title: command, kind: "execute", rawInput: { command } },
      options: [
        { optionId: "y", name: "yes", kind: "allow_once" },
        { optionId: "n", name: "no", kind: "reject_once" },
      ],
    },
  });

let answered = 0;
let heard = () => undefined;
/** What it was answered last, as it came. */
let answer;

/** Everything bad that it does; what returns ends its turn as if nothing had been. */
const DEEDS = {
  words: (bytes) => repeat(Number(bytes), PIECE, () => say(PIECE)),
  thoughts: (bytes) =>
    repeat(Number(bytes), "x".repeat(20), () =>
      update({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "hm" } }),
    ),
  stderr: (bytes) => repeat(Number(bytes), PIECE, () => print(PIECE, process.stderr)),
  line: async (bytes) => {
    await repeat(Number(bytes), PIECE, () => print(PIECE));
    await print("\n");
  },
  garbage: async () => {
    for (;;) await print("<html>503 Service Unavailable</html>\n");
  },
  binary: async () => {
    for (;;) await print(Buffer.from([0, 0xff, 0xfe, 0x1b, 0x5b, 0x32, 0x4a, 0x0a]));
  },
  ids: async () => {
    for (let id = 1_000_000; ; id++) await send({ id, result: { stopReason: "end_turn" } });
  },
  methods: async () => {
    for (let id = 1; id <= 10_000; id++) await send({ id: `m${id}`, method: "fs/delete_everything", params: {} });
    for (let id = 1; id <= 10_000; id++) await send({ method: "session/no_such", params: { id } });
    while (answered < 10_000) await new Promise((resolve) => (heard = resolve));
  },
  approvals: async (count) => {
    for (let id = 1; id <= Number(count); id++) await ask(id);
    while (answered < Number(count)) await new Promise((resolve) => (heard = resolve));
  },
  /** Shows something harmless, and asks for something else under the same name. */
  swap: async () => {
    await ask(1, "echo harmless");
    await new Promise((resolve) => setTimeout(resolve, 300));
    await ask(1, "rm -rf /");
    while (answered < 1) await new Promise((resolve) => (heard = resolve));
    await say(`told: ${JSON.stringify(answer)}. `);
  },
  /** Changes its mind, again and again. */
  fickle: async (count) => {
    for (let time = 0; time < Number(count); time++) await ask(1, `echo ${time}`);
  },
  /** Says what it has used, without end. */
  spends: async () => {
    for (let used = 1; ; used++)
      await update({
        sessionUpdate: "usage_update",
        used,
        size: 1_000_000,
        cost: { amount: used / 1e6, currency: "USD" },
      });
  },
  unread: async () => {
    process.stdin.pause();
    for (let id = 1; ; id++) await ask(id);
  },
  deaf: async () => {
    deaf();
    await daemon();
    await say("deaf");
    return never;
  },
  leaves: async () => {
    await daemon();
    process.exit(0);
  },
  unmarked: async (mark) => {
    await daemon({ PATH: process.env.PATH }, mark);
    return never;
  },
  closes: () => new Promise((resolve) => process.stdout.end(() => (deaf(), resolve(never)))),
  exits: () => process.exit(3),
  silent: () => (deaf(), never),
  nothing: () => undefined,
};

async function prompted({ prompt }) {
  const [deed, argument] = prompt.at(-1).text.trim().split(" ");
  await (DEEDS[deed] ?? DEEDS.nothing)(argument);
  await say("done");
}

const RESULTS = {
  initialize: () => ({ protocolVersion: 1, agentCapabilities: {}, authMethods: [] }),
  "session/new": () => ({ sessionId: "s1" }),
  "session/prompt": async (params) => (await prompted(params), { stopReason: "end_turn" }),
};

async function hear(line) {
  const { id, method, params, result } = JSON.parse(line);
  if (method === undefined) {
    answered += 1;
    answer = result?.outcome?.optionId ?? result?.outcome?.outcome;
    return heard();
  }
  if (id !== undefined) await send({ id, result: (await RESULTS[method]?.(params)) ?? {} });
}

const [, , option, deed, argument] = process.argv;
if (option === "--first") await DEEDS[deed](argument);
createInterface({ input: process.stdin }).on("line", (line) => void hear(line));
