import type { Server } from "node:http";

import type * as ControlPlanePackage from "@signalbox/control-plane";
import { eventually } from "@signalbox/testkit";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";

import { type CompiledGuide, compileGuide } from "../guides/compile-guide.ts";
import { CONTROL_PLANE_GUIDE, type SceneName } from "./control-plane-guide.ts";

// The README of seed 001, word for word, with the name of the package changed: compiled as its reader does, and run. Ids are
// those of the specification.

let guide: CompiledGuide<SceneName>;
let ours: typeof ControlPlanePackage;

beforeAll(() => {
  guide = compileGuide("control-plane-guide", CONTROL_PLANE_GUIDE);
  ours = guide.require("@signalbox/control-plane") as typeof ControlPlanePackage;
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** What the guide's code prints; the session that it says it has created is the one that it goes on with. */
function listen(): string[] {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((...words: unknown[]) => {
    const line = words.join(" ");
    lines.push(line);
    const created = /^Session created: (.+)$/.exec(line)?.[1];
    if (created !== undefined) vi.stubGlobal("sessionId", created);
  });
  return lines;
}

describe("the guide's sessions (V-5 … V-23, V-64 … V-77, V-112 … V-116)", () => {
  it("are created, read, listed, and refused what is not possible any more (V-9, V-14 … V-19)", async () => {
    const said = listen();

    const { result, session, sessions, handler } = await guide.scene("sessions").run();

    expect(said).toEqual([expect.stringMatching(/^Session created: ses_/)]);
    expect(result).toMatchObject({ success: true, data: { providerId: "codex", orgId: "org-123", state: "QUEUED" } });
    expect(session).toMatchObject({ success: true, data: { task: "Implement user authentication" } });
    expect(sessions).toMatchObject({ success: true, data: { total: 1, page: 1, pageSize: 20 } });
    const ended = await (handler as ControlPlanePackage.SessionHandler).getSession(
      (result as { data: { sessionId: string } }).data.sessionId,
    );
    expect(ended.data).toMatchObject({ state: "COMPLETED", message: "User requested" });
  });

  it("tell of an approval that was asked for before anybody listened (V-20 … V-22, C-35)", async () => {
    const said = listen();
    const handler = new ours.SessionHandler();
    const created = await handler.createSession({ orgId: "org-123", providerId: "codex", task: "Do it" });
    vi.stubGlobal("handler", handler);
    vi.stubGlobal("sessionId", created.data?.sessionId);

    await guide.scene("approvals").run();

    await eventually(() => expect(said).toEqual(["Approval needed: merge"]));
    expect((await handler.getSession(created.data?.sessionId ?? "")).data?.state).toBe("WAITING_FOR_APPROVAL");
  });

  it.each([
    ["Too many active sessions", {}, 2],
    ["Provider not supported", { providerId: "gpt" }, 1],
    ["Invalid request:", { task: "" }, 1],
  ])("answer errors in the way that the guide reads them: %s (V-67 … V-70)", async (words, change, times) => {
    const said = listen();
    vi.stubGlobal("handler", new ours.SessionHandler({ maxSessionsPerOrg: 1 }));
    vi.stubGlobal("request", { orgId: "org-123", providerId: "codex", task: "Do it", ...change });

    for (let time = 0; time < times; time++) await guide.scene("errors").run();

    expect(said).toEqual([expect.stringContaining(words)]);
  });

  it("are what the printed interface of an answer says (V-64, C-32)", async () => {
    const { read } = guide.require("./api-response.js") as {
      read: (handler: ControlPlanePackage.SessionHandler) => Promise<{ success: boolean; error?: { code: string } }>;
    };

    expect(await read(new ours.SessionHandler())).toMatchObject({
      success: false,
      error: { code: "SESSION_NOT_FOUND" },
    });
  });
});

describe("the guide's runners (V-24 … V-36)", () => {
  it("are registered, heard, listed, and those that nobody knows are refused", async () => {
    const { result, fleet, runnerInfo } = await guide.scene("runners").run();

    expect(result).toMatchObject({ success: true, data: { hostname: "runner-01.local" } });
    expect(fleet).toMatchObject({ success: true, data: { total: 1 } });
    expect(runnerInfo).toMatchObject({ success: false, error: { code: "RUNNER_NOT_FOUND" } });
  });
});

describe("the guide's sockets, schemas and guards (V-53 … V-63, V-89 … V-111)", () => {
  it("attach to an HTTP server and speak to nobody where nobody listens", async () => {
    vi.stubGlobal("sessionId", "session-123");

    const { httpServer, wsManager } = await guide.scene("sockets").run();

    expect((httpServer as Server).listenerCount("upgrade")).toBe(1);
    await (wsManager as ControlPlanePackage.WebSocketServerManager).close();
  });

  it("say what is wrong with a request (V-102 … V-107)", async () => {
    const said = listen();
    vi.stubGlobal("requestBody", { orgId: "org-123", providerId: "codex" });

    const { result } = await guide.scene("validation").run();

    expect(result).toMatchObject({ success: false });
    expect(said).toEqual([expect.stringContaining("Validation errors:")]);
  });

  it.each([
    [{ type: "terminal_input", sessionId: "session-123", data: "ls -la\n", messageId: "m", timestamp: "t" }],
    [{ type: "subscribe_session", sessionId: "session-123", messageId: "m", timestamp: "t" }],
    [null],
  ])("tell messages apart (V-108 … V-111): %j", async (message) => {
    vi.stubGlobal("message", message);

    await expect(guide.scene("guards").run()).resolves.toEqual({});
  });
});
