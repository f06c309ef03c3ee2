import { once } from "node:events";

import { eventually } from "@signalbox/testkit";
import { WebSocket, type ClientOptions } from "ws";

/** A frame as it came. */
export type RawFrame = Readonly<Record<string, unknown>> & { readonly type: string };

/** A connection of a plugin that says what it likes. */
export interface RawPlugin extends AsyncDisposable {
  readonly socket: WebSocket;
  /** Every frame that has come. */
  readonly frames: readonly RawFrame[];
  /** How many WebSocket messages have come. */
  readonly messages: readonly string[];
  /** Sends frames as one message. */
  send(...frames: readonly unknown[]): void;
  /** Sends text. */
  sendText(text: string): void;
  /** The first frame of a type, with an id if one is given; waits for it. */
  next(type: string, id?: number): Promise<RawFrame>;
  /** Resolves to the code with which it was closed. */
  readonly closed: Promise<number>;
}

/** Connects without the client of this package. */
export async function rawPlugin(url: string, pluginId: string, options: ClientOptions = {}): Promise<RawPlugin> {
  const headers = { authorization: `Bearer ${pluginId}` };
  const socket = new WebSocket(url, ["signalbox.bus.v1"], { headers, ...options });
  const frames: RawFrame[] = [];
  const messages: string[] = [];
  socket.on("message", (data) => {
    const text = (data as Buffer).toString();
    messages.push(text);
    frames.push(...(JSON.parse(text) as RawFrame[]));
  });
  socket.on("error", () => {});
  const closed = once(socket, "close").then(([code]) => code as number);
  await once(socket, "open");
  return {
    socket,
    frames,
    messages,
    send: (...sent) => socket.send(JSON.stringify(sent)),
    sendText: (text) => socket.send(text),
    next: (type, id) =>
      eventually(() => frames.find((frame) => frame.type === type && (id === undefined || frame["id"] === id))),
    closed,
    async [Symbol.asyncDispose]() {
      socket.terminate();
      await closed;
    },
  };
}
