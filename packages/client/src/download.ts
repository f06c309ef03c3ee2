import { explainFailure } from "./explain-failure.ts";

/** Content on its way from the server. Read it once, one way or another, or cancel it. */
export class Download {
  /** As the server announced it; undefined when it did not. */
  readonly bytes: number | undefined;
  readonly contentType: string | undefined;
  readonly #response: Response;

  constructor(response: Response) {
    const length = response.headers.get("content-length");
    this.bytes = length === null ? undefined : Number(length);
    this.contentType = response.headers.get("content-type") ?? undefined;
    this.#response = response;
  }

  /** The bytes as they come. A line that breaks is a ConnectionError. */
  async *stream(): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = this.#response.body?.getReader();
    if (!reader) return;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } catch (error) {
      throw explainFailure(error, this.#response.url);
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  /** All of it as text, read as UTF-8. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.content());
  }

  /** All of it. */
  async content(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.stream()) pieces.push(piece);
    const content = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      content.set(piece, at);
      at += piece.length;
    }
    return content;
  }

  /** Lets go of content that is not wanted. */
  async cancel(): Promise<void> {
    await this.#response.body?.cancel();
  }
}
