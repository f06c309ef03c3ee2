import { SCOPES } from "@signalbox/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createFaces } from "../src/faces.ts";
import { route } from "../src/route.ts";
import { concreteRoutes } from "./_support/concrete-path.ts";
import { FakeControlPlane } from "./_support/fake-control-plane.ts";
import { rawRequest } from "./_support/raw-request.ts";
import { allFaces, serveFaces, type ServedFaces } from "./_support/serve-faces.ts";

const owned = new AsyncDisposableStack();
const fake = new FakeControlPlane();
let server: ServedFaces;
beforeAll(async () => {
  server = owned.use(await serveFaces(fake.controlPlane, { auth: "token" }));
});
afterAll(() => owned.disposeAsync());

const ROUTES = concreteRoutes(allFaces(fake.controlPlane), { sha256: "0".repeat(64) });

async function statusOf(method: string, target: string, ...headers: string[]): Promise<number> {
  const answer = await rawRequest(server.port, {
    method,
    target,
    headers: [`Host: 127.0.0.1:${server.port}`, ...headers],
  });
  return answer.status;
}

describe.each(ROUTES.filter(({ route: { permission } }) => permission !== "public" && permission !== "runner"))(
  "$name",
  ({ route: { method, permission }, path }) => {
    const good = fake.addToken([permission as (typeof SCOPES)[number]]);

    it.each([
      ["nothing", []],
      ["an empty header", ["Authorization: "]],
      ["a bearer without token", ["Authorization: Bearer "]],
      ["a token that nobody made", ["Authorization: Bearer sbx_none"]],
      ["another scheme", [`Authorization: Basic ${good}`]],
      ["the scheme in another case", [`Authorization: bearer ${good}`]],
      ["no scheme", [`Authorization: ${good}`]],
      ["a token with something behind it", [`Authorization: Bearer ${good} x`]],
      ["identity headers", ["X-Forwarded-User: admin", "X-Remote-User: admin", "X-Scopes: admin"]],
      ["a cookie", [`Cookie: token=${good}`]],
      ["a runner's connection token", ["Authorization: Bearer connection-token"]],
    ])("is closed to a caller with %s", async (_, headers) => {
      const calls = fake.calls.length;

      const answer = await rawRequest(server.port, {
        method,
        target: path,
        headers: [`Host: 127.0.0.1:${server.port}`, ...headers],
      });

      expect(answer.status).toBe(401);
      expect(answer.headers["www-authenticate"]).toMatch(/^Bearer /);
      expect(fake.calls).toHaveLength(calls);
    });

    it("is closed to a token in the query", async () => {
      expect(await statusOf(method, `${path}?token=${good}&access_token=${good}`)).toBe(401);
    });

    it.each(SCOPES)("answers a token with the scope %s as its permission says", async (scope) => {
      const status = await statusOf(method, path, `Authorization: Bearer ${fake.addToken([scope])}`);

      const mayPass = scope === permission || scope === "admin";
      expect([401, 403].includes(status)).toBe(!mayPass);
    });

    it("is closed to a token that was revoked", async () => {
      const token = fake.addToken(["admin"]);
      fake.revoke(token);

      expect(await statusOf(method, path, `Authorization: Bearer ${token}`)).toBe(401);
    });
  },
);

describe.each(ROUTES.filter(({ route: { permission } }) => permission === "runner"))(
  "$name",
  ({ route: { method }, path }) => {
    it("is for the token of a live connection only", async () => {
      expect(await statusOf(method, path)).toBe(401);
      expect(await statusOf(method, path, `Authorization: Bearer ${fake.addToken(["admin"])}`)).toBe(401);
      expect([401, 403]).not.toContain(await statusOf(method, path, "Authorization: Bearer connection-token"));
    });
  },
);

describe("a stream ticket", () => {
  it("opens one stream of its run, once", async () => {
    const run = fake.addRun();
    run.end("succeeded");
    const made = await fake.tokens.createTicket(run.id);

    const target = `/api/v1/runs/${run.id}/stream?ticket=${made.data.ticket}`;

    expect(await statusOf("GET", target)).toBe(200);
    expect(await statusOf("GET", target)).toBe(401);
  });

  it("opens no stream of another run, and nothing but streams", async () => {
    const [run, other] = [fake.addRun(), fake.addRun()];
    other.end("succeeded");
    const ticket = async () => (await fake.tokens.createTicket(run.id)).data.ticket;

    expect(await statusOf("GET", `/api/v1/runs/${other.id}/stream?ticket=${await ticket()}`)).toBe(401);
    expect(await statusOf("GET", `/api/v1/runs/${run.id}?ticket=${await ticket()}`)).toBe(401);
    expect(await statusOf("POST", `/api/v1/runs/${run.id}/cancel?ticket=${await ticket()}`)).toBe(401);
  });
});

it("tells a caller without a token to slow down", async () => {
  await using strict = await serveFaces(fake.controlPlane, { auth: "token", perSecond: 5, now: () => 0 });
  const ask = () => fetch(`${strict.url}/api/v1/runs`);

  const statuses = [];
  for (let count = 0; count < 6; count++) statuses.push((await ask()).status);
  const withToken = await fetch(`${strict.url}/api/v1/runs`, {
    headers: { Authorization: `Bearer ${fake.addToken()}` },
  });

  expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  expect(withToken.status).toBe(200);
});

it("does not start with a route that says nothing about who may use it", () => {
  const open = route({
    method: "GET",
    path: "/open",
    summary: "",
    answer: { status: 200 },
    handle: () => new Response(),
  } as never);
  const [face] = allFaces(fake.controlPlane);

  expect(() => createFaces([{ ...face!, routes: [open] }], {} as never)).toThrow("/open does not say who may use it");
});
