import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the fake says instead of what it would. */
export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly message?: string;
  /** Whether it has done by then what it was asked to: an answer that is lost. */
  readonly isDone?: boolean;
}

interface Pull {
  readonly number: number;
  readonly head: string;
  readonly base: string;
  readonly title: string;
  readonly body: string;
}

/**
 * A fake of the part of GitHub's REST API that opens pull requests, written from its published description: it finds and makes
 * them, refuses a second one for a branch, and wants its token. It has not been compared with the real service.
 */
export class FakeGitHub implements AsyncDisposable {
  readonly token = "fake-token-of-the-fake-host";
  readonly pulls: Pull[] = [];
  readonly calls: string[] = [];
  /** Taken first to last, one for each call, before what it would say. */
  readonly answers: FakeAnswer[] = [];
  /** Called with each call, before it is answered. */
  onCall: (call: string) => void = () => undefined;
  /** Called with each order to open a pull request, before it is obeyed; what it waits for holds the answer back. */
  beforeOpen: () => Promise<void> = async () => undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FakeGitHub> {
    const fake = new FakeGitHub();
    await new Promise<void>((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    this.calls.push(`${request.method} ${url.pathname}`);
    this.onCall(`${request.method} ${url.pathname}`);
    const forced = this.answers.shift();
    const say = (status: number, body: object) => {
      const { headers = {}, message } = forced ?? {};
      response.writeHead(forced?.status ?? status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(forced ? { message } : body));
    };
    if (forced && forced.isDone !== true) return say(forced.status, {});
    if (request.headers.authorization !== `Bearer ${this.token}`) return say(401, { message: "Bad credentials" });
    if (url.pathname === "/repos/acme/app") return say(200, { default_branch: "main" });
    if (url.pathname !== "/repos/acme/app/pulls") return say(404, { message: "Not Found" });
    if (request.method === "GET")
      return say(
        200,
        this.#found(url.searchParams).map((pull) => this.#shown(pull)),
      );
    const wanted = (await read(request)) as Omit<Pull, "number">;
    await this.beforeOpen();
    if (this.pulls.some(({ head, base }) => head === wanted.head && base === wanted.base)) {
      const message = `A pull request already exists for acme:${wanted.head}.`;
      return say(422, { message: "Validation Failed", errors: [{ message }] });
    }
    const pull = { ...wanted, number: this.pulls.length + 1 };
    this.pulls.push(pull);
    say(201, this.#shown(pull));
  }

  #found(query: URLSearchParams): Pull[] {
    return this.pulls.filter(({ head, base }) => query.get("head") === `acme:${head}` && query.get("base") === base);
  }

  #shown({ number, title }: Pull): object {
    return { number, title, html_url: `https://github.example/acme/app/pull/${number}` };
  }
}

async function read(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}
