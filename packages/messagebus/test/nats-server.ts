import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { eventually, tempDir } from "@signalbox/testkit";

import type { NatsPermissions } from "../src/nats/index.ts";

/** A user of a server. */
export interface NatsUser {
  readonly user: string;
  readonly password: string;
  readonly permissions: NatsPermissions;
}

/** A nats-server of a test's own. */
export interface NatsServer extends AsyncDisposable {
  readonly port: number;
  /** Ends it as a power failure would. */
  kill(): Promise<void>;
  /** Starts it again, on the same port. */
  start(): Promise<void>;
}

/** What a server is configured with. */
export interface NatsServerOptions {
  /** Absent: everybody may do everything. */
  readonly users?: readonly NatsUser[];
  readonly maxPayload?: number;
}

/** Where nats-server is; undefined where it is not installed. Debian puts it in a folder that is not on every PATH. */
export const natsServerProgram = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"]
  .map((folder) => join(folder, "nats-server"))
  .find(isExecutable);

if (natsServerProgram === undefined) {
  console.warn("no nats-server on the PATH or in /usr/sbin: the tests of the bus on NATS are skipped");
}

/** Starts one on a free port of the loopback address, with a folder of its own. */
export async function natsServer({ users, maxPayload }: NatsServerOptions = {}): Promise<NatsServer> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDir("signalbox-nats-"));
  const config = {
    host: "127.0.0.1",
    ports_file_dir: directory.path,
    ...(maxPayload === undefined ? {} : { max_payload: maxPayload }),
    ...(users === undefined ? {} : { authorization: { users } }),
  };
  let child: ChildProcess | undefined;
  let port = -1;

  const start = async () => {
    await writeFile(directory.file("nats.conf"), JSON.stringify({ ...config, port }));
    const started = spawn(natsServerProgram ?? "nats-server", ["-c", directory.file("nats.conf")], { stdio: "ignore" });
    child = started;
    port = await eventually(() => portIn(directory.file(`nats-server_${started.pid}.ports`)));
  };
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  stack.defer(kill);
  await start();
  const owned = stack.move();
  return { port, kill, start, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function portIn(file: string): number {
  const { nats } = JSON.parse(readFileSync(file, "utf8")) as { readonly nats: readonly string[] };
  return Number(new URL(nats[0] ?? "").port);
}
