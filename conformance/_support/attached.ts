import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import xterm from "@xterm/headless";

const MAIN = join(dirname(createRequire(import.meta.url).resolve("@signalbox/cli/package.json")), "src/main.ts");

/** `signalbox attach` in a real terminal of its own, and what a person sees there. */
export class Attached implements AsyncDisposable {
  readonly ended: Promise<number | null>;
  /** Every byte that it wrote. */
  raw = "";
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  readonly #child: ReturnType<typeof spawn>;

  constructor(
    server: { readonly url: string; readonly token: string },
    args: readonly string[],
    { columns = 80, rows = 24, after = ":" }: { columns?: number; rows?: number; after?: string } = {},
  ) {
    const words = [process.execPath, MAIN, "attach", ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
    const line = `stty cols ${columns} rows ${rows}; ${words.join(" ")}; code=$?; ${after}; exit $code`;
    this.#child = spawn("script", ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], {
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: "/nonexistent",
        TERM: "xterm-256color",
        SHELL: "/bin/sh",
        SIGNALBOX_URL: server.url,
        SIGNALBOX_TOKEN: server.token,
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.raw += text;
      this.#screen.write(text);
    });
    this.ended = new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** The lines that are on the screen, without what is empty at their ends. */
  lines(): readonly string[] {
    const { active } = this.#screen.buffer;
    return Array.from({ length: this.#screen.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true) ?? "").trimEnd(),
    );
  }

  text(): string {
    return this.lines().join("\n").trimEnd();
  }

  /** Whether the screen is the one that programs borrow, and not the one with the history. */
  get isAlternate(): boolean {
    return this.#screen.buffer.active.type === "alternate";
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}
