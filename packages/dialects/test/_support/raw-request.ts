import { connect } from "node:net";

/** An answer as it came over the wire. */
export interface RawAnswer {
  /** 0 when the connection was closed without one. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is sent, down to the bytes: fetch would repair most of what is tried here. */
export interface RawRequest {
  readonly method?: string;
  readonly target: string;
  /** Each line as it goes out. Default: the right Host. */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
}

/** Sends one request on a connection of its own and reads the answer to its end. */
export async function rawRequest(
  port: number,
  { method = "GET", target, headers, body }: RawRequest,
): Promise<RawAnswer> {
  const bytes = Buffer.from((body ?? "") as Uint8Array);
  const lines = [...(headers ?? [`Host: 127.0.0.1:${port}`])];
  if (body !== undefined && !lines.some((line) => /^(content-length|transfer-encoding):/i.test(line)))
    lines.push(`Content-Length: ${bytes.length}`);
  const head = `${method} ${target} HTTP/1.1\r\n${[...lines, "Connection: close"].map((line) => `${line}\r\n`).join("")}\r\n`;
  const answer = await exchange(port, Buffer.concat([Buffer.from(head, "latin1"), bytes]));
  return parse(answer);
}

function exchange(port: number, request: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    const finish = () => resolve(Buffer.concat(chunks).toString("latin1"));
    socket.on("data", (chunk) => chunks.push(chunk)).on("close", finish);
    // A server that has refused may close while the rest is still being sent.
    socket.on("error", () => socket.destroy());
    socket.write(request);
  });
}

function parse(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, Math.max(0, end)).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return { status: Number(first.split(" ")[1] ?? 0), headers, body: text.slice(end + 4) };
}
