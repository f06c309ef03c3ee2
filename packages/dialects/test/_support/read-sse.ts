/** One message of an event stream. */
export interface SseMessage {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** The messages of an SSE answer as they come. */
export async function* readSse(response: Response): AsyncGenerator<SseMessage, void, undefined> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const message = parse(text.slice(0, end));
      text = text.slice(end + 2);
      if (message) yield message;
    }
  }
}

function parse(block: string): SseMessage | undefined {
  const fields = block.split("\n").filter((line) => !line.startsWith(":"));
  const values = (name: string) =>
    fields.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  if (fields.length === 0) return undefined;
  return { event: values("event").at(-1) ?? "message", id: values("id").at(-1), data: values("data").join("\n") };
}
