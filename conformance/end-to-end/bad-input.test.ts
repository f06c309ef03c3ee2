import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { RunningServer } from "@signalbox/server-app";
import { tempDir, type TempDir } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startServerHere } from "../dev-env.ts";
import { storedRows } from "../_support/stored-rows.ts";

const step = (change: object) => ({ name: "a", tool: "command", inputs: { shell: "true" }, ...change });
const plan = (...steps: object[]) => ({ plan: { goal: "g", steps } });
const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });
const needs = (name: string, ...others: string[]) => step({ name, needs: others });

/** What is sent, the status and code of the answer, and the field that the answer names. */
const BODIES: [what: string, body: unknown, status: number, code: string, field: string][] = [
  ["no JSON", '{"command": ', 400, "MALFORMED_JSON", ""],
  ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0xfe, 0x22]), 400, "MALFORMED_JSON", ""],
  ["a key twice", '{"command": "a", "command": "b"}', 400, "MALFORMED_JSON", "twice"],
  ["a prototype", '{"command": "a", "__proto__": {"x": 1}}', 400, "MALFORMED_JSON", "__proto__"],
  ["too many levels", { command: "a", metadata: deep(40) }, 400, "MALFORMED_JSON", ""],
  ["too many bytes", { command: "x".repeat(1_100_000) }, 413, "BODY_TOO_LARGE", ""],
  ["no object", "[]", 400, "VALIDATION_ERROR", ""],
  ["nothing to do", {}, 400, "VALIDATION_ERROR", ""],
  ["two things to do", { command: "a", instructions: "b" }, 400, "VALIDATION_ERROR", "command"],
  ["a number for a command", { command: 7 }, 400, "VALIDATION_ERROR", "command"],
  ["an unknown field", { command: "a", retries: 3 }, 400, "VALIDATION_ERROR", "retries"],
  ["an unknown field of a step", plan(step({ color: "red" })), 400, "VALIDATION_ERROR", "color"],
  ["a time limit in words", plan(step({ timeoutMs: "soon" })), 400, "VALIDATION_ERROR", "timeoutMs"],
  ["a project with a path for a name", { command: "a", projectId: "../../etc" }, 400, "VALIDATION_ERROR", "projectId"],
  ["an unknown tool", plan(step({ tool: "format-disk" })), 400, "UNKNOWN_TOOL", "tool"],
  ["a step that needs itself", plan(needs("a", "a")), 400, "INVALID_PLAN", "needs"],
  ["a cycle", plan(needs("a", "c"), needs("b", "a"), needs("c", "b")), 400, "INVALID_PLAN", "plan.steps"],
  ["a need that is not there", plan(needs("a", "nobody")), 400, "INVALID_PLAN", "needs"],
  ["two steps of one name", plan(step({}), step({ inputs: { shell: "false" } })), 400, "INVALID_PLAN", "name"],
  ["a name with a line break", plan(step({ name: "a\nb" })), 400, "VALIDATION_ERROR", "name"],
  ["an argument with NUL", plan(step({ inputs: { argv: ["echo", "a\0b"] } })), 400, "MALFORMED_JSON", ""],
  ["a loader's variable by its name", plan(step({ envAllowed: ["A=B"] })), 400, "VALIDATION_ERROR", "envAllowed"],
  ...["../../etc/passwd", "/etc/passwd", "a/../../b", "a\\..\\b", "a\nb", ""].map(
    (path) =>
      [`the path ${JSON.stringify(path)}`, plan(step({ artifacts: [path] })), 400, "VALIDATION_ERROR", "artifacts"] as [
        string,
        unknown,
        number,
        string,
        string,
      ],
  ),
  ...["--upload-pack=touch /tmp/x", "-b", "a..b", "a b", "refs/heads/x.lock", "$(id)", "a\nb"].map(
    (branch) =>
      [
        `the branch ${JSON.stringify(branch)}`,
        { command: "a", repo: { url: "https://git.example/x", branch } },
        400,
        "VALIDATION_ERROR",
        "branch",
      ] as [string, unknown, number, string, string],
  ),
  ...[
    "ext::sh -c id",
    "--upload-pack=id",
    "https://user:secret@git.example/x",
    "file://host/x",
    "ftp://git.example/x",
    "git@-oProxyCommand=id:x",
  ].map(
    (url) =>
      [`the repository ${JSON.stringify(url)}`, { command: "a", repo: { url } }, 400, "VALIDATION_ERROR", "url"] as [
        string,
        unknown,
        number,
        string,
        string,
      ],
  ),
];

describe("a request that is not right", () => {
  let dir: TempDir;
  let server: RunningServer;
  let token: string;
  beforeAll(async () => {
    dir = await tempDir();
    server = await startServerHere(dir.path);
    token = (await readFile(join(dir.path, "admin-token"), "utf8")).trim();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  it.each(BODIES)(
    "with %s is refused by its field, and nothing is stored",
    async (_what, body, status, code, field) => {
      const before = storedRows(join(dir.path, "signalbox.db"));

      const response = await post("/api/v1/runs", body);
      const { error } = (await response.json()) as { error: { code: string; message: string; details?: unknown } };

      expect({ status: response.status, code: error.code }).toEqual({ status, code });
      expect(JSON.stringify(error)).toContain(field);
      expect(JSON.stringify(error)).not.toMatch(/node_modules|\.ts:|SELECT |at async/);
      expect(storedRows(join(dir.path, "signalbox.db"))).toEqual(before);
    },
  );

  it.each([
    ["/api/v1/runs/..%2f..%2fetc", 404],
    ["/api/v1/runs/run_x/files/..%2f..%2fetc%2fpasswd", 404],
    ["/api/v1/runs?limit=-1", 400],
    ["/api/v1/runs?limit=ten", 400],
    ["/api/v1/runs?cursor=%00", 400],
    ["/api/v1/gates?status=perhaps", 400],
    ["/api/v1/nothing", 404],
  ])("at %s is refused with a code", async (path, status) => {
    const response = await fetch(`${server.urls[0]}${path}`, { headers: { authorization: `Bearer ${token}` } });
    const { error } = (await response.json()) as { error: { code: string } };

    expect([status, 400]).toContain(response.status);
    expect(error.code).toMatch(/^[A-Z_]+$/);
  });

  function post(path: string, body: unknown): Promise<Response> {
    const bytes = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    return fetch(`${server.urls[0]}${path}`, { method: "POST", headers, body: bytes });
  }
});
