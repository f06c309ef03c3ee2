import { describe, expect, it } from "vitest";

import type { CheckedAnswer } from "../session/check-answer.ts";
import { readCodexRequest } from "./codex-requests.ts";

const turn = { threadId: "thread-1", turnId: "turn-1", itemId: "call_1", startedAtMs: 1 };

const COMMAND = {
  ...turn,
  kind: "command",
  environmentId: "local",
  command: "/bin/bash -lc 'rm a'",
  cwd: "/work",
  reason: "it is in the way",
  commandActions: [{ type: "unknown", command: "rm a" }],
  availableDecisions: ["accept", { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["rm"] } }, "cancel"],
};

function option(id: string, effect: "allow" | "allow_session" | "deny" | "deny_and_stop") {
  return { id, label: id, effect };
}

describe("readCodexRequest", () => {
  it("reads leave for a command, with the answers that are offered and the one that is not listed", () => {
    const request = readCodexRequest("item/commandExecution/requestApproval", "7", COMMAND);

    expect(request?.news).toMatchObject({
      key: "7",
      kind: "command",
      reason: "it is in the way",
      tool: { toolCallId: "call_1", command: "/bin/bash -lc 'rm a'", cwd: "/work" },
      options: [{ id: "accept" }, { id: "decline" }, { id: "cancel" }],
    });
  });

  it("reads leave for the network as what it is", () => {
    const request = readCodexRequest("item/commandExecution/requestApproval", "7", {
      ...turn,
      networkApprovalContext: { host: "example.com", protocol: "https" },
    });

    expect(request?.news).toMatchObject({ kind: "network", title: "connect to example.com" });
  });

  it.each([
    [{ kind: "allow", option: option("accept", "allow") }, { decision: "accept" }],
    [{ kind: "allow", option: option("acceptForSession", "allow_session") }, { decision: "acceptForSession" }],
    [{ kind: "deny", option: option("decline", "deny"), reason: "no", endTurn: false }, { decision: "decline" }],
    [{ kind: "deny", option: option("cancel", "deny_and_stop"), reason: "no", endTurn: false }, { decision: "cancel" }],
    [{ kind: "deny", option: undefined, reason: "no", endTurn: false }, { decision: "decline" }],
    [{ kind: "cancel" }, { decision: "cancel" }],
  ] satisfies [CheckedAnswer, unknown][])("answers %j with %j", (answer, response) => {
    const request = readCodexRequest("item/fileChange/requestApproval", "7", turn);

    expect(request?.respond(answer)).toEqual(response);
  });

  it("says that a file change may mean more than itself", () => {
    const request = readCodexRequest("item/fileChange/requestApproval", "7", { ...turn, grantRoot: "/etc" });

    expect(request?.news).toMatchObject({ kind: "file_change", reason: "may write below /etc from now on" });
  });

  it("grants exactly the permissions that were asked for, or none", () => {
    const permissions = { fileSystem: { write: ["/tmp/x"] } };
    const request = readCodexRequest("item/permissions/requestApproval", "7", {
      ...turn,
      cwd: "/work",
      reason: null,
      permissions,
    });

    expect(request?.news).toMatchObject({ kind: "permissions", tool: { input: permissions } });
    expect(request?.respond({ kind: "allow", option: option("acceptForSession", "allow_session") })).toEqual({
      permissions,
      scope: "session",
    });
    expect(request?.respond({ kind: "deny", option: undefined, reason: undefined, endTurn: false })).toEqual({
      permissions: {},
      scope: "turn",
    });
  });

  it("reads questions, and puts answers to them", () => {
    const questions = [
      {
        id: "q1",
        header: "Colour",
        question: "Which?",
        isOther: false,
        isSecret: false,
        options: [{ label: "red", description: "warm" }],
      },
      { id: "q2", header: "", question: "Why?", isOther: true, isSecret: false, options: null },
    ];

    const request = readCodexRequest("item/tool/requestUserInput", "7", { ...turn, questions, isBlocking: true });

    expect(request?.news).toMatchObject({
      news: "question",
      questions: [
        { id: "q1", text: "Colour: Which?", options: [{ label: "red", description: "warm" }], allowsText: false },
        { id: "q2", text: "Why?", options: [], allowsText: true },
      ],
    });
    expect(request?.respond({ kind: "answers", answers: { q1: ["red"], q2: ["so"] } })).toEqual({
      answers: { q1: { answers: ["red"] }, q2: { answers: ["so"] } },
    });
    expect(request?.respond({ kind: "decline", reason: undefined })).toEqual({ answers: {} });
  });

  it("does not have other methods", () => {
    expect(readCodexRequest("account/chatgptAuthTokens/refresh", "7", {})).toBeUndefined();
  });
});
