import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { JsonRpcPeer, METHOD_NOT_FOUND } from "./json-rpc-peer.ts";

function peerLab() {
  const sent: unknown[] = [];
  const heard: unknown[] = [];
  const nonsense: string[] = [];
  const clock = new ManualClock();
  const peer = new JsonRpcPeer({
    clock,
    write: (frame) => Promise.resolve(void sent.push(frame)),
    onRequest: (id, method, params) => void heard.push({ id, method, params }),
    onNotification: (method, params) => void heard.push({ method, params }),
    onNonsense: (message) => void nonsense.push(message),
  });
  return { peer, sent, heard, nonsense, clock };
}

describe("JsonRpcPeer", () => {
  it("brings answers to who asked, in any order", async () => {
    const { peer, sent } = peerLab();

    const [one, two] = [peer.call("a", { x: 1 }), peer.call("b", {})];
    await peer.receive({ id: 2, result: "two" });
    await peer.receive({ id: 1, error: { code: -5, message: "no", data: { why: 1 } } });

    expect(sent).toEqual([
      { id: 1, method: "a", params: { x: 1 } },
      { id: 2, method: "b", params: {} },
    ]);
    await expect(two).resolves.toBe("two");
    await expect(one).rejects.toMatchObject({ name: "RpcError", code: -5, message: "no", data: { why: 1 } });
  });

  it("hands on what the other side asks and tells, and answers it", async () => {
    const { peer, sent, heard } = peerLab();

    await peer.receive({ jsonrpc: "2.0", id: "r", method: "ask", params: [1] });
    await peer.receive({ method: "tell" });
    await peer.refuse("r", METHOD_NOT_FOUND, "what?");
    await peer.respond("s", { fine: true });
    await peer.notify("initialized");

    expect(heard).toEqual([{ id: "r", method: "ask", params: [1] }, { method: "tell" }]);
    expect(sent).toEqual([
      { id: "r", error: { code: -32_601, message: "what?" } },
      { id: "s", result: { fine: true } },
      { method: "initialized" },
    ]);
  });

  it("gives up on a call that is not answered, and takes its late answer for nonsense", async () => {
    const { peer, clock, nonsense } = peerLab();

    const call = peer.call("slow", {}, 1_000);
    call.catch(() => undefined);
    await new Promise(setImmediate);
    clock.advance(1_000);
    await expect(call).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
    await peer.receive({ id: 1, result: "late" });

    expect(nonsense).toEqual(["an answer to 1, which nobody asked"]);
  });

  it.each([[null], [7], ["x"], [{ id: {}, method: "x" }], [{ id: 1, error: "bad" }], [{}]])(
    "takes %j for nonsense",
    async (frame) => {
      const { peer, nonsense } = peerLab();

      await peer.receive(frame);

      expect(nonsense).toHaveLength(1);
    },
  );

  it("tells who waits, and who comes later, why it was closed", async () => {
    const { peer } = peerLab();

    const call = peer.call("a", {});
    call.catch(() => undefined);
    await new Promise(setImmediate);
    peer.close(new Error("gone"));

    await expect(call).rejects.toThrow("gone");
    await expect(peer.call("b", {})).rejects.toThrow("gone");
  });
});
