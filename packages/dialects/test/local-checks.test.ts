import { RUNNER_PATHS } from "@signalbox/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { concreteRoutes } from "./_support/concrete-path.ts";
import { FakeControlPlane } from "./_support/fake-control-plane.ts";
import { rawRequest } from "./_support/raw-request.ts";
import { allFaces, serveFaces, type ServedFaces } from "./_support/serve-faces.ts";

const owned = new AsyncDisposableStack();
const fake = new FakeControlPlane();
let server: ServedFaces;
beforeAll(async () => {
  server = owned.use(await serveFaces(fake.controlPlane, {}));
});
afterAll(() => owned.disposeAsync());

const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];
const TARGETS = [
  ...concreteRoutes(allFaces(fake.controlPlane)).map(({ name, route, path }) => ({
    name,
    method: route.method,
    path,
    more: [] as string[],
  })),
  ...[RUNNER_PATHS.control, RUNNER_PATHS.output].map((path) => ({
    name: `upgrade of ${path}`,
    method: "GET",
    path,
    more: UPGRADE,
  })),
  { name: "a path that is not there", method: "GET", path: "/nothing", more: [] as string[] },
];

/** `PORT` stands for the port of the server. */
const REFUSED: readonly (readonly [what: string, headers: readonly string[], status: number])[] = [
  ["no Host", [], 421],
  ["another Host", ["Host: evil.example:PORT"], 421],
  ["a Host without port", ["Host: 127.0.0.1"], 421],
  ["a Host with another port", ["Host: 127.0.0.1:1"], 421],
  ["a Host that begins like ours", ["Host: 127.0.0.1.evil.example:PORT"], 421],
  ["a Host with a user in front", ["Host: x@127.0.0.1:PORT"], 421],
  ["a Host with white space", ["Host: 127.0.0.1:PORT x"], 421],
  ["an address that is not allowed", ["Host: 10.0.0.1:PORT"], 421],
  ["two Hosts, ours first", ["Host: 127.0.0.1:PORT", "Host: evil.example"], 421],
  ["two Hosts, ours last", ["Host: evil.example", "Host: 127.0.0.1:PORT"], 421],
  ["ours twice", ["Host: 127.0.0.1:PORT", "host: 127.0.0.1:PORT"], 421],
  ["another Origin", ["Host: 127.0.0.1:PORT", "Origin: http://evil.example"], 403],
  ["the Origin null", ["Host: 127.0.0.1:PORT", "Origin: null"], 403],
  ["an Origin of another port", ["Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:1"], 403],
  ["an Origin of another scheme", ["Host: 127.0.0.1:PORT", "Origin: https://127.0.0.1:PORT"], 403],
  ["an Origin that begins like ours", ["Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:PORT.evil.example"], 403],
  ["two Origins", ["Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:PORT", "Origin: http://evil.example"], 403],
  ["a fetch from another site", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: cross-site"], 403],
  ["a fetch from a sister site", ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: same-site"], 403],
  [
    "a fetch from another site that says no-cors",
    ["Host: 127.0.0.1:PORT", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: cross-site"],
    403,
  ],
  [
    "a fetch that says both",
    ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"],
    403,
  ],
  [
    "our Origin from another site",
    ["Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:PORT", "Sec-Fetch-Site: cross-site"],
    403,
  ],
];
const TAKEN: readonly (readonly string[])[] = [
  ["Host: 127.0.0.1:PORT"],
  ["Host: LOCALHOST:PORT"],
  ["Host: localhost:PORT", "Origin: http://localhost:PORT", "Sec-Fetch-Site: same-origin"],
  ["Host: 127.0.0.1:PORT", "Sec-Fetch-Site: none"],
];

const withPort = (headers: readonly string[]) => headers.map((line) => line.replaceAll("PORT", String(server.port)));

describe.each(TARGETS)("$name", ({ method, path, more }) => {
  it.each(REFUSED)("is refused with %s", async (_, headers, status) => {
    const calls = fake.calls.length;

    const answer = await rawRequest(server.port, { method, target: path, headers: [...withPort(headers), ...more] });

    expect(answer.status).toBe(status);
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    expect(fake.calls).toHaveLength(calls);
  });

  it.each(TAKEN.map((headers) => [headers.join(", "), headers] as const))(
    "is not refused with %s",
    async (_, headers) => {
      const answer = await rawRequest(server.port, { method, target: path, headers: [...withPort(headers), ...more] });

      expect([421, 403]).not.toContain(answer.status);
    },
  );
});

describe("the spelling of a target", () => {
  it.each([
    "//api/v1/runs",
    "/api//v1/runs",
    "/api/v1/runs//",
    "/api/v1/./runs",
    "/api/v1/../v1/runs",
    "/x/../api/v1/runs",
    "/api%2Fv1%2Fruns",
    "/api/v1%2fruns",
    "/api/v1/runs%2e",
    "/%2e%2e/api/v1/runs",
    "/api\\v1\\runs",
    "/api/v1%5Cruns",
    "/api/v1/runs%00",
    "/api/v1/runs%0d%0a",
    "/api/v1/runs%7f",
    "/api/v1/runs%C2%80",
    "/api/v1/runs%",
    "/api/v1/runs%FF",
    "http://127.0.0.1/api/v1/runs",
    "http://evil.example/api/v1/runs",
    "/api/v1/runs#x",
    "*",
  ])("%s is refused before it is routed", async (target) => {
    const calls = fake.calls.length;

    const answer = await rawRequest(server.port, { target });

    expect(answer.status).toBe(400);
    expect(fake.calls).toHaveLength(calls);
  });
});

it("gives no permission to other origins", async () => {
  const answer = await rawRequest(server.port, {
    method: "OPTIONS",
    target: "/api/v1/runs",
    headers: [
      ...withPort(["Host: 127.0.0.1:PORT", "Origin: http://evil.example"]),
      "Access-Control-Request-Method: POST",
    ],
  });

  expect(answer.status).toBe(403);
  expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
});
