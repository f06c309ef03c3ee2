import { limit } from "@signalbox/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { concreteRoutes } from "./_support/concrete-path.ts";
import { FakeControlPlane } from "./_support/fake-control-plane.ts";
import { rawRequest } from "./_support/raw-request.ts";
import { realControlPlane } from "./_support/real-control-plane.ts";
import { allFaces, serveFaces } from "./_support/serve-faces.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

describe("a request", () => {
  it("is told by its own id, when it is one, else by a new one", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const idFor = async (id: string) => {
      const response = await fetch(`${server.url}/api/v1/runs`, { headers: { "X-Request-Id": id } });
      const { meta } = (await response.json()) as { meta: { requestId: string } };
      expect(meta.requestId).toBe(response.headers.get("x-request-id"));
      return meta.requestId;
    };

    expect(await idFor("from-my-proxy.1")).toBe("from-my-proxy.1");
    expect(await idFor("not one")).toMatch(/^req_/);
    expect(await idFor("x".repeat(129))).toMatch(/^req_/);
    expect(fake.calls[0]?.context?.requestId).toBe("from-my-proxy.1");
  });

  it("passes its trace on, when it is well formed", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    for (const traceparent of [good, good.toUpperCase(), "00-0-0-01", `00-${"0".repeat(32)}-b7ad6b7169203331-01`]) {
      await fetch(`${server.url}/api/v1/runs`, { headers: { traceparent } });
    }

    expect(fake.calls.map(({ context }) => context?.traceparent)).toEqual([good, undefined, undefined, undefined]);
  });

  it("has meta in every native answer, and always the same headers", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);

    for (const path of ["/api/v1/runs", "/api/v1/runs/none", "/api/v1/none", "/api/v1/limits"]) {
      const response = await fetch(`${server.url}${path}`);
      expect(await response.json()).toMatchObject({
        meta: { requestId: expect.any(String), timestamp: expect.stringMatching(/Z$/), duration: expect.any(Number) },
      });
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
    }
  });

  it("to a path with other methods is told which", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);

    const response = await fetch(`${server.url}/api/v1/projects/x`, { method: "DELETE" });

    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, PUT"]);
  });

  it("for an old path of the guide is sent to the new one", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane, { auth: "token" });
    const locationOf = async (method: string, path: string) => {
      const response = await fetch(`${server.url}${path}`, { method, redirect: "manual" });
      return [response.status, response.headers.get("location")];
    };

    expect(await locationOf("POST", "/runs/create")).toEqual([308, "/runs"]);
    expect(await locationOf("GET", "/runs/create")).toEqual([308, "/runs"]);
    expect(await locationOf("GET", "/runs/get/run_1")).toEqual([308, "/runs/run_1"]);
    expect(await locationOf("GET", "/runs/get/%20")).toEqual([308, "/runs/%20"]);
  });

  it("that meets a bug is answered without details, and logged", async () => {
    const fake = new FakeControlPlane();
    Object.assign(fake.runs, { getRun: () => Promise.reject(new Error("SELECT secret FROM /var/lib")) });
    await using server = await serveFaces(fake.controlPlane);

    const response = await fetch(`${server.url}/api/v1/runs/x`);
    const text = await response.text();

    expect(response.status).toBe(500);
    expect(text).not.toMatch(/SELECT|var|at /);
    expect(text).toContain(response.headers.get("x-request-id"));
    expect(String(server.bugs[0])).toContain("SELECT secret");
  });

  it("takes both spellings of the guide, and refuses both at once", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const post = async (body: unknown) => {
      const response = await fetch(`${server.url}/runs`, {
        method: "POST",
        headers: JSON_TYPE,
        body: JSON.stringify(body),
      });
      return [response.status, ((await response.json()) as { projectId?: string }).projectId];
    };

    expect(await post({ command: "ls", projectId: "a" })).toEqual([201, "a"]);
    expect(await post({ command: "ls", project_id: "b" })).toEqual([201, "b"]);
    expect(await post({ standard: { prompt: "x", open_pr: true, file_path: "a.ts" } })).toEqual([201, "default"]);
    expect(await post({ command: "ls", projectId: "a", project_id: "b" })).toEqual([400, undefined]);
    expect(await post({ command: "ls", plan: { goal: "x", steps: [{ name: "a", tool: "command" }] } })).toEqual([
      400,
      undefined,
    ]);
    expect(await post({})).toEqual([400, undefined]);
  });
});

describe("the idempotency key", () => {
  const post = (url: string, key: string | undefined, body: string) =>
    fetch(`${url}/api/v1/runs`, {
      method: "POST",
      headers: { ...JSON_TYPE, ...(key === undefined ? {} : { "Idempotency-Key": key }) },
      body,
    });

  it("makes a repeated POST one, and another body under it a mismatch", async () => {
    await using real = await realControlPlane();
    await using server = await serveFaces(real.controlPlane);

    const first = await (await post(server.url, "k1", `{"command":"ls"}`)).json();
    const again = await (await post(server.url, "k1", `{"command":"ls"}`)).json();
    const other = await post(server.url, "k1", `{"command":"pwd"}`);

    expect((again as { data: unknown }).data).toEqual((first as { data: unknown }).data);
    expect([other.status, ((await other.json()) as { error: { code: string } }).error.code]).toEqual([
      422,
      "IDEMPOTENCY_MISMATCH",
    ]);
  });

  it("reaches the handler with the route and the hash of the body, and comes back in the answer", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);

    const response = await post(server.url, "mine", `{"command":"ls"}`);

    expect(response.headers.get("idempotency-key")).toBe("mine");
    expect(fake.calls.map(({ context }) => context?.idempotency)).toMatchObject([
      { key: "mine", route: "POST /api/v1/runs", bodyHash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
  });

  it("is not made up where the caller sent none", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);

    const response = await post(server.url, undefined, `{"command":"ls"}`);

    expect(response.headers.has("idempotency-key")).toBe(false);
    expect(fake.calls.map(({ context }) => context?.idempotency)).toEqual([undefined]);
  });

  it.each([
    ["a".repeat(limit("idempotency.keyLength")), 201],
    ["a".repeat(limit("idempotency.keyLength") + 1), 400],
    ["has space", 400],
    ["größe", 400],
  ])("a key like %s is answered", async (key, status) => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const headers = [`Host: 127.0.0.1:${server.port}`, "Content-Type: application/json", `Idempotency-Key: ${key}`];

    expect(
      (await rawRequest(server.port, { method: "POST", target: "/api/v1/runs", headers, body: `{"command":"ls"}` }))
        .status,
    ).toBe(status);
  });
});

describe("random requests", () => {
  it("never meet a bug", async () => {
    await using real = await realControlPlane();
    await using server = await serveFaces(real.controlPlane);
    const made = await real.controlPlane.runs.createRun({ command: "ls" });
    const routes = concreteRoutes(allFaces(real.controlPlane), { id: made.data.id });
    const paths = routes.filter(({ route }) => route.isStream !== true).map(({ path }) => path);
    const odd = fc.constantFrom(
      "",
      "%20",
      "%25",
      "..",
      "//",
      "\\",
      "%2f",
      "%00",
      "é",
      "*",
      "?",
      "?after=-1",
      "?limit=1e9",
      "?limit=",
      "?page=0&page=1",
      "?__proto__=1",
      "?cursor=%F0",
      "?a[]=1",
      ":",
      "~",
    );
    const target = fc
      .tuple(fc.constantFrom(...paths), odd, fc.oneof(fc.constant(""), fc.string({ maxLength: 20 })))
      .map(([path, extra, text]) => `${path}${extra}${encodeURI(text.toWellFormed())}`);
    const body = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
      fc.string({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 100 }),
      fc
        .record({
          plan: fc.record({
            goal: fc.jsonValue(),
            steps: fc.array(
              fc.record({
                name: fc.jsonValue(),
                tool: fc.constantFrom("command", "codegen", "gate:manual", "deploy:x", "x"),
                inputs: fc.jsonValue(),
                needs: fc.jsonValue(),
                retry: fc.jsonValue(),
              }),
            ),
          }),
        })
        .map((value) => JSON.stringify(value)),
      fc
        .record({
          name: fc.jsonValue(),
          scopes: fc.jsonValue(),
          note: fc.jsonValue(),
          value: fc.jsonValue(),
          env: fc.jsonValue(),
          commands: fc.jsonValue(),
          labels: fc.jsonValue(),
        })
        .map((value) => JSON.stringify(value)),
    );
    const header = fc.constantFrom(
      "Range: bytes=9-1",
      "Range: bytes=-",
      "If-None-Match: *",
      "Idempotency-Key: é",
      "Last-Event-ID: x",
      "Authorization: Basic x",
      "traceparent: 00-",
      "Cookie: a=b",
      "Expect: 100-continue",
      "Content-Encoding: gzip",
      "Accept: */*",
    );
    const method = fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "QUERY");

    await fc.assert(
      fc.asyncProperty(
        method,
        target,
        body,
        fc.array(header, { maxLength: 3 }),
        fc.boolean(),
        async (verb, where, bytes, more, isJson) => {
          const headers = [
            `Host: 127.0.0.1:${server.port}`,
            ...(isJson ? ["Content-Type: application/json"] : []),
            ...more,
          ];
          const answer = await rawRequest(server.port, {
            method: verb,
            target: where,
            headers,
            ...(verb === "GET" || verb === "HEAD" ? {} : { body: bytes }),
          });
          expect(answer.status, `${verb} ${where}`).toBeLessThan(500);
          expect(answer.status, `${verb} ${where}`).toBeGreaterThan(0);
        },
      ),
      { numRuns: Number(process.env["SIGNALBOX_FUZZ_RUNS"] ?? 1_500), endOnFailure: true },
    );

    expect(server.bugs).toEqual([]);
  });
});
