import { describe, expect, it } from "vitest";

import { readAcpRequest } from "./acp-requests.ts";

const PERMISSION = {
  sessionId: "s",
  toolCall: {
    toolCallId: "c1",
    kind: "edit",
    status: "pending",
    title: "Writing to g.txt",
    content: [
      { type: "diff", path: "/w/g.txt", oldText: "", newText: "hi" },
      { type: "content", content: { type: "text", text: "because you asked" } },
    ],
  },
  options: [
    { optionId: "always", name: "Always", kind: "allow_always" },
    { optionId: "once", name: "Once", kind: "allow_once" },
    { optionId: "no", name: "No", kind: "reject_once" },
    { optionId: "never", name: "Never", kind: "reject_always" },
    { optionId: "odd", name: "Odd", kind: "constructor" },
  ],
};

describe("readAcpRequest", () => {
  it("reads leave for a tool that was never told of before", () => {
    const request = readAcpRequest("session/request_permission", "1", PERMISSION);

    expect(request?.news).toEqual({
      news: "approval",
      key: "1",
      kind: "file_change",
      reason: "because you asked",
      tool: {
        toolCallId: "c1",
        kind: "file_change",
        title: "Writing to g.txt",
        changes: [{ path: "/w/g.txt", change: "add", newText: "hi" }],
      },
      options: [
        { id: "always", label: "Always", effect: "allow_session" },
        { id: "once", label: "Once", effect: "allow" },
        { id: "no", label: "No", effect: "deny" },
        { id: "never", label: "Never", effect: "deny_session" },
      ],
    });
  });

  it("answers with an option, or that the turn is over", () => {
    const request = readAcpRequest("session/request_permission", "1", PERMISSION);

    expect(request?.respond({ kind: "allow", option: { id: "once", label: "", effect: "allow" } })).toEqual({
      outcome: { outcome: "selected", optionId: "once" },
    });
    expect(request?.respond({ kind: "deny", option: undefined, reason: "no", endTurn: false })).toEqual({
      outcome: { outcome: "cancelled" },
    });
    expect(request?.respond({ kind: "cancel" })).toEqual({ outcome: { outcome: "cancelled" } });
  });

  it("reads a form, and fills it in as it wants", () => {
    const properties = {
      colour: {
        type: "string",
        title: "Colour",
        oneOf: [
          { const: "r", title: "red" },
          { const: "b", title: "blue" },
        ],
      },
      sizes: { type: "array", items: { enum: ["S", "M"] } },
      sure: { type: "boolean", description: "Are you?" },
      count: { type: "integer" },
      why: { type: "string" },
    };
    const params = { mode: "form", sessionId: "s", message: "Choose", requestedSchema: { type: "object", properties } };

    const request = readAcpRequest("elicitation/create", "1", params);

    expect(request?.news).toMatchObject({
      news: "question",
      questions: [
        {
          id: "colour",
          text: "Colour",
          options: [{ label: "red" }, { label: "blue" }],
          allowsMany: false,
          allowsText: false,
        },
        { id: "sizes", text: "sizes", options: [{ label: "S" }, { label: "M" }], allowsMany: true },
        { id: "sure", text: "sure — Are you?", options: [{ label: "yes" }, { label: "no" }] },
        { id: "count", options: [], allowsText: true },
        { id: "why", options: [], allowsText: true },
      ],
    });
    const answers = { colour: ["blue"], sizes: ["S", "M"], sure: ["no"], count: ["7"], why: ["so"] };
    expect(request?.respond({ kind: "answers", answers })).toEqual({
      action: "accept",
      content: { colour: "b", sizes: ["S", "M"], sure: false, count: 7, why: "so" },
    });
    expect(request?.respond({ kind: "decline", reason: undefined })).toEqual({ action: "decline" });
    expect(request?.respond({ kind: "cancel" })).toEqual({ action: "cancel" });
  });

  it("has no files, no terminals and no web pages", () => {
    expect(readAcpRequest("fs/read_text_file", "1", { path: "/etc/passwd" })).toBeUndefined();
    expect(readAcpRequest("terminal/create", "1", { command: "sh" })).toBeUndefined();
    expect(readAcpRequest("elicitation/create", "1", { mode: "url", url: "https://example.com" })).toBeUndefined();
  });
});
