import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";

import { testAuthority } from "./certificates.ts";

/** Who may read and write, and how a request is looked at before it is answered. */
export interface GitHttpsServerOptions {
  /** The folder whose bare repositories are served. */
  readonly root: string;
  readonly username: string;
  readonly password: string;
}

/** One request as it came in. */
export interface GitRequest {
  readonly method: string;
  readonly path: string;
  /** The `Authorization` header, if there was one. */
  readonly authorization: string | undefined;
}

/** Git's own smart HTTP server (`git http-backend`) on a free port of this machine, behind TLS and Basic authentication. */
export class GitHttpsServer implements AsyncDisposable {
  readonly requests: GitRequest[] = [];
  /** Called with each request, while the client waits. */
  onRequest: (request: GitRequest) => void = () => undefined;
  /** The certificate of the authority that vouches for it, as PEM. */
  readonly caCertificate: string;
  readonly #options: GitHttpsServerOptions;
  readonly #server: Server;

  private constructor(options: GitHttpsServerOptions) {
    const authority = testAuthority();
    this.caCertificate = authority.cert;
    this.#options = options;
    const issued = authority.issue({ names: ["127.0.0.1", "localhost"] });
    this.#server = createServer(issued, (request, response) => this.#answer(request, response));
  }

  static async start(options: GitHttpsServerOptions): Promise<GitHttpsServer> {
    const server = new GitHttpsServer(options);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  /** `https://127.0.0.1:port/` */
  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = "GET", url = "/", headers } = request;
    const seen = { method, path: url, authorization: headers.authorization };
    this.requests.push(seen);
    this.onRequest(seen);
    const { username, password } = this.#options;
    const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    if (headers.authorization === wanted) return this.#serve(request, response);
    request.resume();
    response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", this.url);
    const backend = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: this.#options.root,
        GIT_HTTP_EXPORT_ALL: "1",
        REMOTE_USER: this.#options.username,
        REQUEST_METHOD: request.method,
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    backend.stdin.on("error", () => undefined);
    request.pipe(backend.stdin);
    void backend.stdout.toArray().then((chunks: Buffer[]) => answerAsCgi(Buffer.concat(chunks), response));
  }
}

/** Headers, an empty line, and a body (RFC 3875). */
function answerAsCgi(output: Buffer, response: ServerResponse): void {
  const end = output.indexOf("\r\n\r\n");
  const lines = output.subarray(0, Math.max(end, 0)).toString().split("\r\n");
  const headers = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  const status = headers.find(([name]) => name === "Status")?.[1];
  for (const [name = "", value = ""] of headers) if (name !== "" && name !== "Status") response.setHeader(name, value);
  response.writeHead(status === undefined ? 200 : Number.parseInt(status, 10)).end(output.subarray(end + 4));
}
