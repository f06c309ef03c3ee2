import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";

import { eventually, tempDir, type TempDir } from "@signalbox/testkit";
import { pino } from "pino";
import { describe, expect, it } from "vitest";

import {
  readServerConfig,
  startServer,
  type RunningServer,
  type ServerConfig,
  type StartOptions,
} from "../src/index.ts";

const quiet = pino({ level: "silent" });

async function start(
  dir: TempDir,
  overrides: Partial<ServerConfig> = {},
  options: StartOptions = {},
): Promise<RunningServer> {
  return await startServer(readServerConfig({}, { port: 0, dataDir: dir.file("data"), ...overrides }), {
    logger: quiet,
    ...options,
  });
}

const tokenOf = async (server: RunningServer) => (await readFile(server.adminTokenFile ?? "", "utf8")).trim();
const withToken = async (server: RunningServer) => ({ Authorization: `Bearer ${await tokenOf(server)}` });

describe("startServer", () => {
  it("listens on both loopback addresses, on one port", async () => {
    await using dir = await tempDir();
    await using server = await start(dir);

    const answers = await Promise.all(server.urls.map(async (url) => (await fetch(`${url}/health`)).json()));

    expect(server.urls).toEqual([
      `http://127.0.0.1:${server.port}`,
      `http://localhost:${server.port}`,
      `http://[::1]:${server.port}`,
    ]);
    expect(answers).toEqual(server.urls.map(() => ({ ok: true, status: "ok" })));
  });

  it("makes an admin token that only the owner can read, keeps it, and replaces it when it opens nothing", async () => {
    await using dir = await tempDir();
    const tokens: string[] = [];
    for (const change of [async () => {}, async (file: string) => writeFile(file, "sbx_lost"), async () => {}]) {
      await using server = await start(dir);
      tokens.push(await tokenOf(server));
      expect((await stat(server.adminTokenFile ?? "")).mode & 0o777).toBe(0o600);
      expect((await fetch(`${server.urls[0]}/api/v1/tokens`, { headers: await withToken(server) })).status).toBe(200);
      await change(server.adminTokenFile ?? "");
    }

    expect(tokens[1]).toBe(tokens[0]);
    expect(tokens[2]).not.toBe(tokens[1]);
  });

  it("demands a token everywhere but where nothing is told", async () => {
    await using dir = await tempDir();
    await using server = await start(dir);
    const statusOf = async (path: string, headers = {}) =>
      (await fetch(`${server.urls[0]}${path}`, { headers })).status;

    expect(
      await Promise.all(["/health", "/healthz", "/openapi.json", "/api-docs"].map((path) => statusOf(path))),
    ).toEqual([200, 200, 200, 200]);
    expect(await Promise.all(["/metrics", "/runs", "/api/v1/runs"].map((path) => statusOf(path)))).toEqual([
      401, 401, 401,
    ]);
    expect(await statusOf("/metrics", await withToken(server))).toBe(200);
  });

  it("lets everybody in without authentication, on loopback only", async () => {
    await using dir = await tempDir();
    await using server = await start(dir, { noAuth: true });

    expect((await fetch(`${server.urls[0]}/api/v1/tokens`)).status).toBe(200);
    expect(
      (await fetch(`${server.urls[0]}/api/v1/tokens`, { headers: { Origin: "http://evil.example" } })).status,
    ).toBe(403);
    await expect(start(dir, { host: "0.0.0.0", noAuth: true })).rejects.toThrow("works on loopback only");
  });

  it("does not start with a plugins folder that is not there, and leaves nothing open", async () => {
    await using dir = await tempDir();

    await expect(start(dir, { pluginsDir: dir.file("plugins") })).rejects.toThrow(
      `the plugins folder ${dir.file("plugins")} cannot be read: ENOENT`,
    );

    await using server = await start(dir);
    expect((await fetch(`${server.urls[0]}/health`)).status).toBe(200);
  });

  it("remembers runs and secrets over a restart", async () => {
    await using dir = await tempDir();
    let runId: string | undefined;
    {
      await using server = await start(dir);
      const response = await fetch(`${server.urls[0]}/api/v1/runs`, {
        method: "POST",
        headers: { ...(await withToken(server)), "Content-Type": "application/json" },
        body: `{"command":"ls"}`,
      });
      runId = ((await response.json()) as { data: { id: string } }).data.id;
    }
    await using server = await start(dir);

    expect((await fetch(`${server.urls[0]}/runs/${runId}`, { headers: await withToken(server) })).status).toBe(200);
  });

  it("refuses a port that is taken before it touches the data", async () => {
    await using dir = await tempDir();
    await using server = await start(dir);

    await expect(start(dir, { port: server.port, dataDir: dir.file("other") })).rejects.toThrow("EADDRINUSE");
    await expect(stat(dir.file("other"))).rejects.toThrow("ENOENT");
  });

  it("hands sockets of runners over, and takes any other upgrade for a request", async () => {
    await using dir = await tempDir();
    await using server = await start(dir);
    const upgrade = (path: string, headers = {}) =>
      new Promise<number>((resolve, reject) => {
        const asking = request(`${server.urls[0]}${path}`, {
          headers: {
            Connection: "Upgrade",
            Upgrade: "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Protocol": "signalbox.control.v1",
            ...headers,
          },
        });
        asking.on("upgrade", (response, socket) => (socket.destroy(), resolve(response.statusCode ?? 0)));
        asking.on("response", (response) => (response.resume(), resolve(response.statusCode ?? 0)));
        asking.on("error", reject).end();
      });

    expect(await upgrade("/runner/v1/control")).toBe(101);
    expect(await upgrade("/runner/v1/control", { Origin: "http://evil.example" })).toBe(403);
    expect(await upgrade("/runner/v1/control", { Host: "evil.example" })).toBe(421);
    expect(await upgrade("/health", { Upgrade: "h2c" })).toBe(200);
    expect(await upgrade("/anything")).toBe(404);
  });

  it("drops connections beyond the limit, and takes new ones when others have gone", async () => {
    await using dir = await tempDir();
    await using server = await start(dir);
    const open = () => {
      const socket = connect(server.port, "127.0.0.1");
      return socket.on("error", () => {}).resume();
    };
    const sockets = Array.from({ length: 2_000 }, open);
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    const startMs = performance.now();
    const extra = open();
    await once(extra, "close");
    // Sooner than a connection is dropped that sends nothing.
    expect(performance.now() - startMs).toBeLessThan(5_000);

    for (const socket of sockets) socket.destroy();

    await eventually(async () => (await fetch(`${server.urls[0]}/health`)).ok);
  });

  it("counts what it answers", async () => {
    await using dir = await tempDir();
    await using server = await start(dir);
    await fetch(`${server.urls[0]}/api/v1/runs/none`, { headers: await withToken(server) });

    const text = await (await fetch(`${server.urls[0]}/metrics`, { headers: await withToken(server) })).text();

    expect(text).toContain(`signalbox_http_requests_total{route="GET /api/v1/runs/:id",status="404"} 1`);
    expect(text).toMatch(/^# TYPE signalbox_runs_active gauge\nsignalbox_runs_active 0$/m);
  });

  it("warns where the webhook of its settings leads to where posts may not go", async () => {
    await using dir = await tempDir();
    const lines: string[] = [];
    const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    const webhook = { url: "http://127.0.0.1:4000/in", secret: "a-secret-of-the-operator" };
    const allowed = { webhookNetworks: ["127.0.0.1"], webhookNetworkPorts: ["4000"] };

    for (const settings of [{ webhook }, { webhook, ...allowed }]) {
      await using _ = await start(dir, settings, { logger });
    }

    expect(lines.filter((line) => line.includes("posts may not go"))).toHaveLength(1);
    expect(lines.join("")).toContain('"refusal":"address_refused"');
    expect(lines.join("")).not.toContain(webhook.secret);
  });

  it("writes no token and no secret into its log", async () => {
    await using dir = await tempDir();
    const lines: string[] = [];
    const logger = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
    await using server = await start(dir, {}, { logger });
    const headers = { ...(await withToken(server)), "Content-Type": "application/json" };
    await fetch(`${server.urls[0]}/api/v1/projects/p`, { method: "PUT", headers, body: "{}" });
    await fetch(`${server.urls[0]}/api/v1/projects/p/secrets/prod/KEY`, {
      method: "PUT",
      headers,
      body: `{"value":"hunter2hunter2"}`,
    });
    await fetch(`${server.urls[0]}/api/v1/runs/x/stream?ticket=tkt_secret`);
    const made = (await (
      await fetch(`${server.urls[0]}/api/v1/tokens`, {
        method: "POST",
        headers,
        body: `{"name":"x","scopes":["admin"]}`,
      })
    ).json()) as { data: { token: string } };

    const log = lines.join("");

    expect(log).toContain(`"route":"PUT /api/v1/projects/:id/secrets/:scope/:name"`);
    for (const secret of [await tokenOf(server), "hunter2", "tkt_secret", made.data.token])
      expect(log).not.toContain(secret);
  });

  it("tells a store that has failed for good", async () => {
    await using dir = await tempDir();
    const { openControlPlane } = await import("../src/open-control-plane.ts");
    let fail: ((error: Error) => void) | undefined;
    const told: Error[] = [];
    await using _server = await start(
      dir,
      {},
      {
        onFatal: (error) => told.push(error),
        open: async (config, logger) => ({
          ...(await openControlPlane(config, logger)),
          onFatal: (listener) => void (fail = listener),
        }),
      },
    );

    fail?.(new Error("the disk is gone"));

    expect(told.map(String)).toEqual(["Error: the disk is gone"]);
  });
});

describe("a server that is disposed of", () => {
  it("lets streams end, closes its port, and says 503 until then", async () => {
    await using dir = await tempDir();
    const server = await start(dir);
    const headers = { ...(await withToken(server)), "Content-Type": "application/json" };
    const made = (await (
      await fetch(`${server.urls[0]}/api/v1/runs`, { method: "POST", headers, body: `{"command":"ls"}` })
    ).json()) as { data: { id: string } };
    const stream = await fetch(`${server.urls[0]}/api/v1/runs/${made.data.id}/stream`, { headers });
    const startMs = performance.now();

    await server[Symbol.asyncDispose]();

    expect(await stream.text()).toContain("run.created");
    expect(performance.now() - startMs).toBeLessThan(3_000);
    await expect(fetch(`${server.urls[0]}/health`)).rejects.toThrow("fetch failed");
  });
});
