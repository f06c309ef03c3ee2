import { limit } from "@signalbox/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { concreteRoutes, type ConcreteRoute } from "./_support/concrete-path.ts";
import { rawRequest, type RawAnswer } from "./_support/raw-request.ts";
import { realControlPlane } from "./_support/real-control-plane.ts";
import { allFaces, serveFaces, type ServedFaces } from "./_support/serve-faces.ts";

const owned = new AsyncDisposableStack();
const { controlPlane } = owned.use(await realControlPlane());
let server: ServedFaces;
beforeAll(async () => {
  server = owned.use(await serveFaces(controlPlane, {}));
});
afterAll(() => owned.disposeAsync());

const WITH_BODY = concreteRoutes(allFaces(controlPlane), { file: "x" }).filter(({ route }) => route.body);

async function send(
  { route, path }: ConcreteRoute,
  body: string | Uint8Array,
  type: string | null = "application/json",
): Promise<RawAnswer> {
  const headers = [`Host: 127.0.0.1:${server.port}`, ...(type === null ? [] : [`Content-Type: ${type}`])];
  return await rawRequest(server.port, { method: route.method, target: path, headers, body });
}

const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
const MALFORMED: readonly (readonly [string, string | Uint8Array])[] = [
  ["half an object", `{"a":`],
  ["text", "hello"],
  ["white space", "   "],
  ["trailing garbage", `{} {}`],
  ["a key twice", `{"a":1,"a":2}`],
  ["__proto__", `{"__proto__":{}}`],
  ["constructor", `{"constructor":{}}`],
  ["prototype", `{"prototype":{}}`],
  ["half a surrogate pair", `{"a":"\\udc00"}`],
  ["an escaped NUL", `{"a":"\\u0000"}`],
  ["bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ["a number without end", `{"a":1e400}`],
  ["too deep a nesting", deep(limit("body.depth") + 1)],
  ["too deep a list", "[".repeat(10_000)],
  ["too many keys", `{${Array.from({ length: limit("body.keys") + 1 }, (_, at) => `"${at}":0`).join(",")}}`],
];
const MISTYPED = ["null", "true", "0", `"text"`, "[]", "[{}]"];

describe.each(WITH_BODY)("$name", (target) => {
  it.each(MALFORMED)("refuses %s as malformed JSON", async (_, body) => {
    const answer = await send(target, body);

    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual(
      body.length > 16_384 && target.route.permission === "public" ? [413, "BODY_TOO_LARGE"] : [400, "MALFORMED_JSON"],
    );
  });

  it.each(MISTYPED)("refuses the body %s", async (body) => {
    const answer = await send(target, body);

    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([400, "VALIDATION_ERROR"]);
  });

  it("refuses a field that it does not know", async () => {
    const answer = await send(target, `{"surprise":1}`);

    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([400, "VALIDATION_ERROR"]);
  });

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=latin1",
    "application/jsonp",
    null,
  ])("refuses a body of type %s", async (type) => {
    const answer = await send(target, "{}", type);

    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
  });

  it("takes a body of exactly the limit, and not one byte more", async () => {
    const maxBytes = target.route.permission === "public" ? limit("body.anonymousBytes") : limit("body.bytes");
    const bodyOf = (bytes: number) => `{"surprise":"${"x".repeat(bytes - 15)}"}`;

    const answers = await Promise.all(
      [maxBytes - 1, maxBytes, maxBytes + 1].map((bytes) => send(target, bodyOf(bytes))),
    );

    expect(answers.map(({ status }) => status)).toEqual([400, 400, 413]);
  });

  it("counts a body without Content-Length as it comes", async () => {
    const maxBytes = target.route.permission === "public" ? limit("body.anonymousBytes") : limit("body.bytes");
    const headers = [`Host: 127.0.0.1:${server.port}`, "Content-Type: application/json", "Transfer-Encoding: chunked"];
    const body = `${(maxBytes + 1).toString(16)}\r\n${" ".repeat(maxBytes + 1)}\r\n0\r\n\r\n`;

    const answer = await rawRequest(server.port, { method: target.route.method, target: target.path, headers, body });

    expect(answer.status).toBe(413);
  });
});

describe("a route whose body may be left out", () => {
  const optional = WITH_BODY.filter(({ route }) => route.body?.required === false);

  it.each(optional)("$name takes none", async ({ route, path }) => {
    const answer = await rawRequest(server.port, { method: route.method, target: path });

    expect(answer.status).not.toBe(415);
    expect(answer.status).toBeLessThan(500);
  });

  it.each(optional)("$name refuses an empty form", async (target) => {
    const answer = await send(target, "", "application/x-www-form-urlencoded");

    expect(answer.status).toBe(415);
  });
});

it("met no bug in all of this", () => {
  expect(server.bugs).toEqual([]);
  expect(server.answered.filter(({ status }) => status >= 500)).toEqual([]);
});
