import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { profiling, startProcess } from "./processes.ts";
import { freePort, waitUntil } from "./wait-until.ts";

/** The server app in a process of its own. */
export interface SignalboxServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** From the start of the process to the first answer of /health that was 200, in milliseconds. */
  readonly startMs: number;
  /** What a request needs to be let in. */
  readonly headers: Readonly<Record<string, string>>;
  /** Asks the native API; throws when refused. */
  call<Data>(method: string, path: string, body?: object): Promise<Data>;
}

/** How an app is started. */
export interface ServerSettings {
  readonly dataDir: string;
  readonly profileDir?: string | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it has a session of its own, as a service has: Linux shares a busy machine out among sessions. Default false. */
  readonly isService?: boolean;
}

/** Starts the server app as an installation would, but for a quieter log, and waits until it takes work. */
export async function startServer(settings: ServerSettings): Promise<SignalboxServer> {
  const { dataDir, profileDir, environment = {}, isService = false } = settings;
  const port = await freePort();
  const env = {
    ...process.env,
    SIGNALBOX_HOST: "127.0.0.1",
    SIGNALBOX_PORT: String(port),
    SIGNALBOX_DATA_DIR: dataDir,
    SIGNALBOX_LOG_LEVEL: "error",
    ...environment,
  };
  const url = `http://127.0.0.1:${port}`;
  const startedAt = performance.now();
  const args = [...profiling(profileDir, "server"), mainIn(import.meta.resolve("@signalbox/server-app/package.json"))];
  await using cleanup = new AsyncDisposableStack();
  const owned = cleanup.use(startProcess(process.execPath, args, { env, detached: isService }));
  const isUp = () =>
    fetch(`${url}/health`).then(
      ({ status }) => status === 200,
      () => false,
    );
  await waitUntil("the server is healthy", isUp, { timeoutMs: 60_000, everyMs: 2 });
  const startMs = performance.now() - startedAt;
  const token = (await readFile(join(dataDir, "admin-token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}` };
  const all = cleanup.move();
  return {
    url,
    port,
    pid: owned.pid,
    startMs,
    headers,
    async call<Data>(method: string, path: string, body?: object): Promise<Data> {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { ...headers, ...(body ? { "content-type": "application/json" } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      // The API vouches for the shape of its answers.
      const answer = (await response.json()) as { success: boolean; data: Data };
      if (!answer.success) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
      return answer.data;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The runner daemon in a process of its own, connected. */
export interface SignalboxRunner extends AsyncDisposable {
  readonly pid: number;
}

/** Enrols a runner daemon at a server and waits until it is connected. */
export async function startRunner(
  server: SignalboxServer,
  settings: ServerSettings & { readonly sandbox: "auto" | "none"; readonly slots?: number },
): Promise<SignalboxRunner> {
  const { token } = await server.call<{ token: string }>("POST", "/runners/enrolment-tokens", {});
  const env = {
    ...process.env,
    SIGNALBOX_URL: server.url,
    SIGNALBOX_ENROLMENT_TOKEN: token,
    SIGNALBOX_RUNNER_DATA_DIR: settings.dataDir,
    SIGNALBOX_RUNNER_SANDBOX: settings.sandbox,
    SIGNALBOX_RUNNER_SLOTS: String(settings.slots ?? 5),
    SIGNALBOX_LOG_LEVEL: "error",
    ...settings.environment,
  };
  const args = [
    ...profiling(settings.profileDir, "runner"),
    mainIn(import.meta.resolve("@signalbox/runner-app/package.json")),
  ];
  await using cleanup = new AsyncDisposableStack();
  const owned = cleanup.use(startProcess(process.execPath, args, { env, detached: settings.isService ?? false }));
  const isConnected = async () => {
    const { items } = await server.call<{ items: { connected: boolean }[] }>("GET", "/runners");
    return items.some(({ connected }) => connected);
  };
  await waitUntil("the runner is connected", isConnected, { everyMs: 20 });
  const all = cleanup.move();
  return { pid: owned.pid, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Where an app begins, from source. */
function mainIn(manifest: string): string {
  return fileURLToPath(new URL("./src/main.ts", manifest));
}
