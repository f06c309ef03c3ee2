import { setTimeout as sleep } from "node:timers/promises";

import type { WsServerMessageOf } from "@signalbox/protocol";

import { CommandError } from "../errors.ts";
import type { DetachKey } from "./detach-key.ts";
import { RawTerminal, type TerminalStreams } from "./raw-terminal.ts";
import { GONE, TerminalSocket, type Answer, type SocketEnd } from "./terminal-socket.ts";

export interface AttachmentSettings {
  readonly serverUrl: string;
  readonly token: string | undefined;
  /** The session or step. */
  readonly id: string;
  readonly streams: TerminalStreams;
  /** Nothing is typed. */
  readonly isWatching: boolean;
  readonly detachKey: DetachKey | undefined;
  /** Something about the terminal that is not in it. */
  readonly note: (text: string) => void;
}

/** Enough for the last screen of most programs. */
const TAIL_BYTES = 131_072;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

/** This terminal joined to one elsewhere, until that ends or the person leaves. */
export class Attachment {
  readonly #settings: AttachmentSettings;
  readonly #end = Promise.withResolvers<"ended" | "detached">();
  #terminal: RawTerminal | undefined;
  #socket: TerminalSocket | undefined;
  /** Bytes that were shown, and whether what came before them was left out. */
  #offset: number | undefined;
  #isCut = false;
  #hasKeyboard = false;
  /** Somebody else has it. */
  #isWaiting = false;
  /** What came out of a pipe meanwhile. */
  #unsent = "";
  #failures = 0;
  #isOver = false;
  #writing: Promise<void> = Promise.resolve();
  #pieces = 0;

  constructor(settings: AttachmentSettings) {
    this.#settings = settings;
  }

  /** Resolves when it is over, and says how; the terminal is then as it was before. Throws when the server refuses. */
  async run(): Promise<"ended" | "detached"> {
    const { streams, isWatching } = this.#settings;
    const listener = {
      onKeys: (text: string) => this.#typed(text),
      onResize: () => void this.#resize(),
      onEnd: () => undefined,
    };
    using terminal = new RawTerminal(streams, isWatching ? undefined : listener);
    this.#terminal = terminal;
    this.#dial();
    try {
      return await this.#end.promise;
    } finally {
      this.#isOver = true;
      this.#socket?.[Symbol.dispose]();
      await Promise.race([this.#writing, sleep(1_000)]);
    }
  }

  /** Leaves; the command elsewhere goes on. */
  detach(): void {
    this.#end.resolve("detached");
  }

  #dial(): void {
    const { serverUrl, token, id } = this.#settings;
    const socket: TerminalSocket = new TerminalSocket({
      serverUrl,
      token,
      id,
      onOpen: () => void this.#begin(socket),
      onTerminal: (message) => this.#show(socket, message),
      onEnd: (end) => void this.#lost(end),
    });
    this.#socket = socket;
  }

  async #begin(socket: TerminalSocket): Promise<void> {
    const isBack = this.#offset !== undefined;
    const answer = await socket.watch(this.#offset === undefined ? { tail: TAIL_BYTES } : { offset: this.#offset });
    if (answer && answer !== GONE) return this.#refused(answer);
    if (answer) return;
    this.#failures = 0;
    if (isBack) this.#settings.note("connected again");
    await this.#takeKeyboard();
  }

  async #takeKeyboard(): Promise<void> {
    if (this.#settings.isWatching) return;
    const answer = await this.#socket?.takeKeyboard();
    this.#hasKeyboard = answer === undefined;
    if (this.#hasKeyboard && this.#isWaiting) this.#settings.note("the keyboard is yours");
    if (answer?.code === "TERMINAL_BUSY" && !this.#isWaiting)
      this.#settings.note("somebody else has the keyboard; you watch until it is free");
    this.#isWaiting = answer?.code === "TERMINAL_BUSY";
    if (this.#isWaiting) return;
    if (answer && answer !== GONE) return this.#refused(answer);
    await this.#resize();
    if (!this.#hasKeyboard) return;
    const unsent = this.#unsent;
    this.#unsent = "";
    if (unsent !== "") await this.#socket?.type(unsent);
  }

  /** Gives the other terminal the size of this one. */
  async #resize(): Promise<void> {
    const size = this.#terminal?.size;
    if (!size || !this.#hasKeyboard || this.#offset === undefined) return;
    // A program that drew its screen before what was replayed draws it again when its window changes.
    if (this.#isCut && size.rows > 1) await this.#socket?.resize({ ...size, rows: size.rows - 1 });
    this.#isCut = false;
    await this.#socket?.resize(size);
  }

  #typed(text: string): void {
    const { detachKey } = this.#settings;
    const at = detachKey && this.#terminal?.isRaw === true ? text.indexOf(detachKey.character) : -1;
    const keys = at < 0 ? text : text.slice(0, at);
    if (keys !== "" && this.#hasKeyboard) void this.#socket?.type(keys);
    // What a person types without the keyboard goes nowhere: it was meant for a screen that somebody else changes. What comes
    // out of a pipe waits.
    else if (this.#terminal?.isRaw === false) this.#unsent += keys;
    if (at >= 0) this.detach();
  }

  #show(socket: TerminalSocket, message: WsServerMessageOf<"terminal">): void {
    const { action, data, offset, length } = message;
    if (action === "control") return this.#controlled(data);
    if (action === "resize" || offset === undefined || length === undefined) return;
    const isFirst = this.#offset === undefined;
    if (isFirst) this.#isCut = offset > 0;
    this.#offset = offset + length;
    // Before there is output there may be no terminal whose size could be changed.
    if (isFirst) void this.#resize();
    if (action === "gap") this.#write(socket, `\r\n[${length} bytes are lost: ${printable(data)}]\r\n`);
    else this.#write(socket, isFirst && offset > 0 ? fromBoundary(data) : data);
  }

  /** One after the other; the server is held back while this terminal is slower. */
  #write(socket: TerminalSocket, text: string): void {
    this.#pieces++;
    if (this.#pieces > 16) socket.hold(true);
    const before = this.#writing;
    this.#writing = (async () => {
      await before;
      await this.#terminal?.write(text);
      this.#pieces--;
      if (this.#pieces === 0) this.#socket?.hold(false);
    })();
  }

  #controlled(data: string): void {
    if (data === "ended") this.#end.resolve("ended");
    else if (data === "keyboard:free" && !this.#hasKeyboard) void this.#takeKeyboard();
  }

  #refused({ code, message }: NonNullable<Answer>): void {
    const exit = code === "FORBIDDEN" || code === "UNAUTHORIZED" ? "notPermitted" : "failed";
    this.#end.reject(new CommandError(message, { code, exit }));
  }

  async #lost({ status, code, reason }: SocketEnd): Promise<void> {
    this.#hasKeyboard = false;
    if (this.#isOver) return;
    if (code === 4001 || code === 4003 || status === 401 || status === 403)
      return this.#end.reject(
        new CommandError(reason || "the server does not let you in", { code: "UNAUTHORIZED", exit: "notPermitted" }),
      );
    if (this.#offset === undefined && this.#failures >= 2)
      return this.#end.reject(
        new CommandError("the server cannot be reached", { code: "UNREACHABLE", exit: "unreachable" }),
      );
    if (this.#failures === 0 && this.#offset !== undefined)
      this.#settings.note("the connection is gone; trying to get it back");
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++);
    await sleep(waitMs);
    if (!this.#isOver) this.#dial();
  }
}

/** What was cut off before may have ended in the middle of a line or of an order to the terminal: from the next one on. */
function fromBoundary(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what a terminal is about
  const at = text.search(/[\n\u001b]/);
  return at < 0 || at > 4_096 ? text : text.slice(text[at] === "\n" ? at + 1 : at);
}

function printable(text: string): string {
  return text.replaceAll(/[^\u0020-\u007e]/g, "?");
}
