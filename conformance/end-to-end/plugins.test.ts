import { readFile } from "node:fs/promises";

import { MessageBus, RPCClient, type Message } from "@signalbox/messagebus";
import { websocketTransport } from "@signalbox/messagebus/websocket";
import { PLUGIN_LINK_PATH, type Plugin } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { findDamage } from "../_support/find-damage.ts";
import { folderWith, tokenOfProcess } from "../_support/plugin-folder.ts";
import { isAlive } from "../_support/processes.ts";
import { startDevEnv, type DevEnv } from "../dev-env.ts";

const GREET = { text: "please greet Ada", payload: { command: "greet", parameters: { name: "Ada" } } };
const PATIENCE = { everyMs: 50 };

/** A server with a folder in which the example `greeter` lies. */
async function theatre() {
  const folder = await folderWith("greeter");
  const env = await startDevEnv({ runners: 0, serverEnv: { SIGNALBOX_PLUGINS_DIR: folder.path } });
  env.use(folder);
  return Object.assign(env, { folder });
}

async function approve(env: DevEnv, name = "greeter"): Promise<void> {
  const { manifestHash } = await env.client.plugins.get(name);
  await env.client.plugins.approve(name, { manifestHash });
}

/** Resolves to the plugin once its process is in a state. */
async function until(env: DevEnv, state: NonNullable<Plugin["process"]>["state"]): Promise<Plugin> {
  return await eventually(async () => {
    const plugin = await env.client.plugins.get("greeter");
    return plugin.process?.state === state && plugin;
  }, PATIENCE);
}

/** How an upgrade to the bus is answered: `open`, or its status. */
async function knock({ server }: DevEnv, headers: Record<string, string>): Promise<string> {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}${PLUGIN_LINK_PATH}`, ["signalbox.bus.v1"], {
    headers,
  });
  try {
    return await new Promise<string>((resolve) => {
      socket.once("open", () => resolve("open"));
      socket.once("unexpected-response", (_, response) => resolve(String(response.statusCode)));
      socket.once("error", (error) => resolve(error.message));
    });
  } finally {
    socket.terminate();
  }
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

describe("a plugin in the server's folder", () => {
  it("waits for approval, then runs, says that it is ready, and answers what is routed to it", async () => {
    await using env = await theatre();
    const waiting = await env.client.plugins.get("greeter");
    await expect(env.client.plugins.start("greeter")).rejects.toMatchObject({ code: "INVALID_STATE" });
    await expect(env.client.plugins.dispatch(GREET)).rejects.toMatchObject({ code: "PLUGIN_UNAVAILABLE" });

    await approve(env);
    const running = await until(env, "running");
    const route = await env.client.plugins.route({ text: GREET.text, paths: ["a/b.greeting"] });
    const answer = await env.client.plugins.dispatch(GREET);

    expect(waiting).toMatchObject({ state: "pending", connected: false, process: { state: "stopped" } });
    expect(running).toMatchObject({ state: "approved", connected: true, breaker: "closed" });
    expect(route).toMatchObject({
      primaryPlugin: "greeter",
      candidates: [{ matches: [{ kind: "keyword" }, { kind: "path" }] }],
    });
    expect(answer).toMatchObject({
      plugin: "greeter",
      response: { status: "success", result: { greeting: "Hello, Ada!" } },
    });
    const { lines } = await env.client.plugins.logs("greeter");
    expect(lines.map(({ text }) => text)).toContain("Ready to greet.");
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("has a token that is its own alone, in a file that nobody else can read", async () => {
    await using env = await theatre();
    await approve(env);
    const { process: running } = await until(env, "running");

    const { token, mode } = await tokenOfProcess(running?.pid ?? 0);

    expect(mode).toBe(0o600);
    expect(token).toMatch(/^sbp_/);
    const asPerson = await env.server.fetch("/api/v1/plugins", { headers: bearer(token) });
    expect(asPerson.status).toBe(401);
  });

  it("waits again when its manifest changes on the disk, and is not started under the old approval", async () => {
    await using env = await theatre();
    await approve(env);
    const { process: before, manifestHash } = await until(env, "running");

    await env.folder.editManifest((manifest) => ({
      ...manifest,
      communication: { messagebus: { topics: ["greetings.spoken", "news.all"] } },
    }));
    const stopped = await eventually(async () => {
      const plugin = await env.client.plugins.get("greeter");
      return plugin.state === "pending" && plugin.process?.state === "stopped" && plugin;
    }, PATIENCE);

    expect(await isAlive(before?.pid ?? 0)).toBe(false);
    expect(stopped).toMatchObject({ connected: false });
    await expect(env.client.plugins.start("greeter")).rejects.toMatchObject({ code: "INVALID_STATE" });
    await expect(env.client.plugins.approve("greeter", { manifestHash })).rejects.toMatchObject({
      code: "CONTENT_CHANGED",
    });
    // Also not by a server that starts anew and finds the old approval in its records.
    await env.server.restart();
    expect(await env.client.plugins.get("greeter")).toMatchObject({ state: "pending", process: { state: "stopped" } });
    await approve(env);
    await until(env, "running");
  });

  it("is started again when its process is killed, and answers as before", async () => {
    await using env = await theatre();
    await approve(env);
    const { process: before } = await until(env, "running");

    process.kill(before?.pid ?? 0, "SIGKILL");
    const after = await eventually(async () => {
      const plugin = await env.client.plugins.get("greeter");
      return plugin.process?.state === "running" && plugin.process.pid !== before?.pid && plugin;
    }, PATIENCE);

    expect(after.process).toMatchObject({ restarts: 1 });
    expect(after.lastFailure?.message).toContain("SIGKILL");
    expect((await env.client.plugins.dispatch(GREET)).response).toMatchObject({ status: "success" });
  });

  it("is cut off at once when it is revoked, and its token opens nothing any more", async () => {
    await using env = await theatre();
    await approve(env);
    const { process: running } = await until(env, "running");
    const { token } = await tokenOfProcess(running?.pid ?? 0);

    const revoked = await env.client.plugins.revoke("greeter", { reason: "it talks too much" });

    expect(revoked).toMatchObject({ state: "revoked", connected: false });
    expect(await knock(env, bearer(token))).toBe("401");
    await eventually(async () => !(await isAlive(running?.pid ?? 0)), PATIENCE);
    await expect(env.client.plugins.dispatch(GREET)).rejects.toMatchObject({ status: 503 });
  });

  it("goes with a server that stops, and is there again with the next one", async () => {
    await using env = await theatre();
    await approve(env);
    const { process: before } = await until(env, "running");

    const { code } = await env.server.terminate();

    expect(code).toBe(0);
    expect(await isAlive(before?.pid ?? 0)).toBe(false);
    await env.server.start();
    await until(env, "running");
    expect((await env.client.plugins.dispatch(GREET)).response).toMatchObject({ status: "success" });
  });

  it("does not outlive a server that is killed, nor does its token", async () => {
    await using env = await theatre();
    await approve(env);
    const { process: orphan } = await until(env, "running");
    const { token } = await tokenOfProcess(orphan?.pid ?? 0);

    await env.server.kill();
    await eventually(async () => !(await isAlive(orphan?.pid ?? 0)), PATIENCE);
    await env.server.start();

    expect(await knock(env, bearer(token))).toBe("401");
    expect((await until(env, "running")).process?.pid).not.toBe(orphan?.pid);
  });
});

describe("a plugin that runs elsewhere", () => {
  const manifest = {
    name: "crier",
    version: "1.0.0",
    routing: { keywords: ["news"], canRouteTo: ["greeter"] },
    communication: {
      messagebus: { topics: ["news.told"], subscriptions: ["routing.decision"] },
      rpc: { enabled: true },
    },
  };

  /** The bus of a plugin with a token, as its own process would have it. */
  function connect(env: DevEnv, stack: AsyncDisposableStack, token: string): MessageBus {
    const transport = stack.use(websocketTransport({ url: `${env.server.url}${PLUGIN_LINK_PATH}`, token }));
    return new MessageBus({ pluginId: "crier", transport });
  }

  it("connects with its token once it is approved, answers, asks others, and hears what was decided", async () => {
    await using env = await theatre();
    await using opened = new AsyncDisposableStack();
    await approve(env);
    await until(env, "running");
    await env.client.plugins.register({ manifest });
    await expect(env.client.plugins.createToken("crier")).rejects.toMatchObject({ code: "INVALID_STATE" });
    await approve(env, "crier");
    const { token } = await env.client.plugins.createToken("crier");
    const bus = connect(env, opened, token);
    const decisions: Message[] = [];
    await bus.subscribe("routing/decision", (message) => void decisions.push(message)).ready;
    await bus.subscribe("plugin/crier/request", async ({ correlationId, payload }) => {
      const greeting: unknown = await new RPCClient("plugin://greeter/rpc", { bus }).call("greet", payload.who);
      await bus.respond(correlationId!, { greeting });
    }).ready;

    const answer = await env.client.plugins.dispatch({ text: "what news?", payload: { who: { name: "Bob" } } });

    expect(answer).toMatchObject({ plugin: "crier", response: { greeting: { greeting: "Hello, Bob!" } } });
    expect(decisions).toMatchObject([
      { source: "system", payload: { primaryPlugin: "crier", requestId: answer.requestId } },
    ]);
  });

  it("does not publish for the host or for another plugin, whatever its manifest would like", async () => {
    await using env = await startDevEnv({ runners: 0 });
    await using opened = new AsyncDisposableStack();
    const greedy = { ...manifest, communication: { messagebus: { topics: ["system.broadcast"] } } };
    await expect(env.client.plugins.register({ manifest: greedy })).rejects.toMatchObject({ code: "INVALID_MANIFEST" });
    await env.client.plugins.register({ manifest });
    await approve(env, "crier");
    const bus = connect(env, opened, (await env.client.plugins.createToken("crier")).token);

    await bus.publish({ topic: "news/told", payload: {} });
    const refusals = await Promise.all(
      ["system/broadcast", "routing/decision", "plugin/greeter/events", "orchestration/all"].map((topic) =>
        bus.publish({ topic, payload: {} }).then(
          () => "sent",
          ({ code }: { code: string }) => code,
        ),
      ),
    );

    expect(refusals).toEqual(["RESERVED_TOPIC", "RESERVED_TOPIC", "FORBIDDEN_TOPIC", "FORBIDDEN_TOPIC"]);
  });

  it("is cut off when its token is revoked, when it is, and when it comes with another manifest", async () => {
    await using env = await startDevEnv({ runners: 0 });
    await using opened = new AsyncDisposableStack();
    await env.client.plugins.register({ manifest });
    await approve(env, "crier");
    const isConnected = async () => (await env.client.plugins.get("crier")).connected;
    const join = async () => {
      const made = await env.client.plugins.createToken("crier");
      connect(env, opened, made.token);
      await eventually(isConnected, PATIENCE);
      return made;
    };

    const first = await join();
    await env.client.tokens.revoke(first.id);
    expect([await isConnected(), await knock(env, bearer(first.token))]).toEqual([false, "401"]);

    const second = await join();
    await env.client.plugins.register({ manifest: { ...manifest, version: "2.0.0" } });
    expect([await isConnected(), await knock(env, bearer(second.token))]).toEqual([false, "403"]);

    await approve(env, "crier");
    const third = await join();
    await env.client.plugins.revoke("crier");
    expect([await isConnected(), await knock(env, bearer(third.token))]).toEqual([false, "401"]);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("is not let in by a page of another origin, under another name of the server, or without a token", async () => {
    await using env = await startDevEnv({ runners: 0 });
    await env.client.plugins.register({ manifest });
    await approve(env, "crier");
    const { token } = await env.client.plugins.createToken("crier");

    expect(await knock(env, bearer(token))).toBe("open");
    expect(await knock(env, { ...bearer(token), origin: "https://evil.example" })).toBe("403");
    expect(await knock(env, { ...bearer(token), host: "evil.example" })).toBe("421");
    expect(await knock(env, {})).toBe("401");
    expect(await knock(env, bearer(env.server.token))).toBe("401");
    expect((await env.server.fetch(PLUGIN_LINK_PATH)).status).toBe(404);
  });
});

describe("the complete example of the plugin guide (P-83, P-84)", () => {
  it("runs in the server's folder, is chosen for its work, does it, and keeps count", async () => {
    await using folder = await folderWith("fastapi-backend");
    await using env = await startDevEnv({ runners: 0, serverEnv: { SIGNALBOX_PLUGINS_DIR: folder.path } });
    const { manifestHash } = await env.client.plugins.get("fastapi-backend");
    await env.client.plugins.approve("fastapi-backend", { manifestHash });
    await eventually(async () => {
      const { process } = await env.client.plugins.get("fastapi-backend");
      return process?.state === "running";
    }, PATIENCE);
    const parameters = { path: "/api/users", method: "POST" };

    const answer = await env.client.plugins.dispatch({
      text: "add an endpoint to the backend",
      paths: ["app/api/users.py"],
      payload: { command: "create_endpoint", parameters },
    });
    const unknown = await env.client.plugins.dispatch({
      text: "backend",
      payload: { command: "fly", parameters: {} },
    });

    const { filePath } = (answer.response as { result: { filePath: string } }).result;
    expect(await readFile(filePath, "utf8")).toContain('@router.post("/api/users")');
    expect(filePath.startsWith(folder.path)).toBe(true);
    expect(unknown.response).toEqual({ status: "error", error: "Unknown command: fly" });
  });
});
