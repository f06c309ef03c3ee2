import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

import { limit } from "@signalbox/protocol";
import { eventually, listen, testAuthority } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { openModelGateway, type ModelGateway } from "./model-gateway.ts";

const OWNERS_KEY = "sk-the-owner's";

/** A model's endpoint that does as it is told, with a gateway before it. */
class Scene implements AsyncDisposable {
  readonly gateway: ModelGateway;
  readonly seen: { readonly url: string; readonly headers: IncomingMessage["headers"]; body: string }[] = [];
  readonly #close: () => Promise<void>;

  constructor(gateway: ModelGateway, seen: Scene["seen"], close: () => Promise<void>) {
    this.gateway = gateway;
    this.seen = seen;
    this.#close = close;
  }

  static async open(
    answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => response.end("fine"),
    path = "/v1",
  ): Promise<Scene> {
    const seen: Scene["seen"] = [];
    const server = createServer((request, response) => {
      const one = { url: request.url ?? "", headers: request.headers, body: "" };
      seen.push(one);
      request.on("data", (bytes: Buffer) => (one.body += bytes.toString()));
      answer(request, response);
    });
    const { port, [Symbol.asyncDispose]: stop } = await listen(server);
    const gateway = await openModelGateway({ baseUrl: `http://127.0.0.1:${port}${path}`, apiKey: OWNERS_KEY });
    const close = async () => {
      await gateway[Symbol.asyncDispose]();
      await stop();
    };
    return new Scene(gateway, seen, close);
  }

  get key(): string {
    return this.gateway.endpoint.apiKey;
  }

  ask(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.gateway.endpoint.baseUrl}${path}`, init);
  }

  /** A request whose path is sent as it is written. */
  raw(path: string, headers: Record<string, string>): Promise<number | undefined> {
    const { hostname, port } = new URL(this.gateway.endpoint.baseUrl);
    return new Promise((resolve, reject) => {
      const sent = httpRequest({ hostname, port, path, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on("error", reject).end();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

describe("the way of an agent to its model", () => {
  it.each([
    ["authorization", (key: string) => `Bearer ${key}`],
    ["x-api-key", (key: string) => key],
    ["x-goog-api-key", (key: string) => key],
  ])("has the owner's key where the agent had its own: %s", async (name, spell) => {
    await using scene = await Scene.open();

    const answer = await scene.ask("/messages?beta=true", {
      method: "POST",
      headers: { [name]: spell(scene.key), "content-type": "application/json" },
      body: '{"model":"m"}',
    });

    expect(await answer.text()).toBe("fine");
    expect(scene.seen).toMatchObject([
      { url: "/v1/messages?beta=true", headers: { [name]: spell(OWNERS_KEY) }, body: '{"model":"m"}' },
    ]);
    expect(JSON.stringify(scene.seen)).not.toContain(scene.key);
  });

  it("has it in the query where the agent had its own there", async () => {
    await using scene = await Scene.open();

    await scene.ask(`/models?key=${scene.key}&alt=sse`);

    expect(new URL(scene.seen[0]?.url ?? "", "http://x").searchParams.get("key")).toBe(OWNERS_KEY);
  });

  it("keeps the path and the host of the endpoint, and what holds for one connection only to itself", async () => {
    await using scene = await Scene.open();

    await scene.raw("/v1/models", {
      authorization: `Bearer ${scene.key}`,
      connection: "keep-alive, x-mine",
      "x-mine": "1",
      te: "trailers",
      "anthropic-version": "2023-06-01",
    });

    const headers = scene.seen[0]?.headers ?? {};
    expect(headers).toMatchObject({ "anthropic-version": "2023-06-01" });
    expect(headers.host).not.toBe(new URL(scene.gateway.endpoint.baseUrl).host);
    expect([headers["x-mine"], headers["te"]]).toEqual([undefined, undefined]);
  });

  it("brings each piece of an answer as it comes", async () => {
    let goOn: () => void = () => undefined;
    await using scene = await Scene.open((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      goOn = () => response.end("data: 2\n\n");
    });

    const answer = await scene.ask("/stream", { headers: { "x-api-key": scene.key } });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const first = Buffer.from((await reader.read()).value ?? []).toString();
    goOn();
    const second = Buffer.from((await reader.read()).value ?? []).toString();

    expect([first, second]).toEqual(["data: 1\n\n", "data: 2\n\n"]);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
  });

  it.each([
    ["none", {}],
    ["another", { authorization: "Bearer guess" }],
    ["the owner's own", { "x-api-key": OWNERS_KEY }],
    ["an empty one", { authorization: "Bearer " }],
  ])("is closed to who comes with this key: %s", async (_, headers) => {
    await using scene = await Scene.open();

    const answer = await scene.ask("/messages", { headers: headers as Record<string, string> });

    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: { type: "authentication_error" } });
    expect(scene.seen).toEqual([]);
  });

  it("does not pass on a second key beside the agent's", async () => {
    await using scene = await Scene.open();

    const headers = { authorization: `Bearer ${scene.key}`, "x-api-key": "another account's" };
    const { status } = await scene.ask("/messages", { headers });

    expect([status, scene.seen]).toEqual([401, []]);
  });

  it.each(["/", "/admin", "/v1/../admin", "/v1/%2e%2e/admin", "/v10/models", "//elsewhere.example/v1/models"])(
    "leads nowhere but below the endpoint's path: %s",
    async (path) => {
      await using scene = await Scene.open();

      const status = await scene.raw(path, { authorization: `Bearer ${scene.key}` });

      expect([status, scene.seen]).toEqual([404, []]);
    },
  );

  it("tells the agent when nobody answers at its end", async () => {
    const gone = await Scene.open();
    const { port } = new URL(gone.gateway.endpoint.baseUrl);
    await gone[Symbol.asyncDispose]();
    await using gateway = await openModelGateway({ baseUrl: `http://127.0.0.1:${port}`, apiKey: OWNERS_KEY });

    const answer = await fetch(`${gateway.endpoint.baseUrl}/models`, {
      headers: { "x-api-key": gateway.endpoint.apiKey },
    });

    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({
      error: { type: "api_error", message: expect.stringContaining("ECONN") },
    });
  });

  it("speaks TLS where the endpoint does, to nobody whose certificate is not good", async () => {
    const authority = testAuthority();
    const trusted = getCACertificates();
    setDefaultCACertificates([...trusted, authority.cert]);
    await using _ = { [Symbol.asyncDispose]: async () => setDefaultCACertificates(trusted) };
    const ask = async (name: string) => {
      const answer = (_request: IncomingMessage, response: ServerResponse) => response.end("in private");
      await using server = await listen(createTlsServer(authority.issue({ names: [name] }), answer));
      await using gateway = await openModelGateway({ baseUrl: `https://127.0.0.1:${server.port}`, apiKey: OWNERS_KEY });
      const { baseUrl, apiKey } = gateway.endpoint;
      return (await fetch(`${baseUrl}/models`, { headers: { "x-api-key": apiKey } })).text();
    };

    expect(await ask("127.0.0.1")).toBe("in private");
    expect(await ask("models.example")).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  it("breaks off an answer that breaks off, and does not make it look whole", async () => {
    await using scene = await Scene.open((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });

    const answer = await scene.ask("/messages", { headers: { "x-api-key": scene.key } });

    await expect(answer.text()).rejects.toThrow();
  });

  it("passes on an answer that comes before all was read", async () => {
    await using scene = await Scene.open((_request, response) => {
      response.writeHead(413, { connection: "close" });
      response.end("too much");
    });

    const answer = await scene.ask("/messages", {
      method: "POST",
      headers: { "x-api-key": scene.key },
      body: "x".repeat(100_000),
    });

    expect([answer.status, await answer.text()]).toEqual([413, "too much"]);
  });

  it("ends a request whose agent has gone", async () => {
    let isGone = false;
    await using scene = await Scene.open((request) => void request.once("close", () => (isGone = true)));
    const leaving = new AbortController();
    const asking = scene.ask("/messages", { headers: { "x-api-key": scene.key }, signal: leaving.signal });
    await eventually(() => scene.seen.length === 1);

    leaving.abort();

    await expect(asking).rejects.toThrow();
    await eventually(() => isGone);
  });

  it("keeps no more connections of an agent than one may have", async () => {
    await using scene = await Scene.open(() => undefined);
    const ask = () => scene.ask("/messages", { headers: { "x-api-key": scene.key } });
    const kept = Array.from({ length: limit("session.modelConnections") }, () => ask().catch(() => "cut"));
    await eventually(() => scene.seen.length === kept.length);

    await expect(ask()).rejects.toThrow();
    expect(scene.seen.length).toBe(kept.length);
  });

  it("is gone with its session, and what goes on in it too", async () => {
    await using scene = await Scene.open(() => undefined);
    const asking = scene.ask("/messages", { headers: { "x-api-key": scene.key } });
    asking.catch(() => undefined);
    await eventually(() => scene.seen.length === 1);

    await scene.gateway[Symbol.asyncDispose]();

    await expect(asking).rejects.toThrow();
    await expect(scene.ask("/messages")).rejects.toThrow();
  });
});
