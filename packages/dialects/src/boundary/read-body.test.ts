import { once } from "node:events";
import { connect } from "node:net";

import { listen } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { streamedBody } from "../runner-protocol/streamed-body.ts";
import { CallerGoneError, readBody } from "./read-body.ts";

/** Sends headers that promise ten bytes, and then only some of them. */
async function sendHalf(
  port: number,
  more: (write: (text: string) => void) => Promise<void> = async () => {},
): Promise<void> {
  const socket = connect(port, "127.0.0.1")
    .on("error", () => {})
    .resume();
  socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1");
  await more((text) => socket.write(text));
  await once(socket, "close");
}

describe("readBody", () => {
  it("cuts off a caller that does not send in time what it promised", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await using server = await listen((incoming) => void readBody(incoming, 100, 50).catch(resolve));

    await sendHalf(server.port);

    expect(await promise).toBeInstanceOf(CallerGoneError);
  });
});

describe("streamedBody", () => {
  it("waits for as long as something comes, and cuts off a caller from which nothing does", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    let bytes = 0;
    await using server = await listen((incoming) => {
      void (async () => {
        for await (const chunk of streamedBody(incoming, 100, 150)) bytes += chunk.length;
      })().catch(resolve);
    });
    const startMs = performance.now();

    await sendHalf(server.port, async (write) => {
      for (let count = 0; count < 4; count++) {
        await new Promise((done) => setTimeout(done, 75));
        write("x");
      }
    });

    expect(await promise).toBeInstanceOf(CallerGoneError);
    expect(bytes).toBe(5);
    expect(performance.now() - startMs).toBeGreaterThan(300);
  });
});
