import { eventually, listen, tempDir, type Listening, type TempDir } from "@signalbox/testkit";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { signalbox, startSignalbox } from "./_support/run-signalbox.ts";
import { hasScript, openTerminal } from "./_support/terminal.ts";

const FAKE = join(import.meta.dirname, "_support/fake-agent.mjs");

/** A machine with fake agents, whose server writes down whoever comes. */
class Machine implements AsyncDisposable {
  readonly visits: string[] = [];
  readonly #dir: TempDir;
  readonly #server: Listening;

  private constructor(dir: TempDir, server: Listening) {
    this.#dir = dir;
    this.#server = server;
    server.server.on("request", ({ method, url }) => this.visits.push(`${method} ${url}`));
  }

  static async open(entries: Record<string, unknown> = {}): Promise<Machine> {
    const dir = await tempDir();
    const server = await listen((_, response) => response.writeHead(503).end());
    const fake = (kind: string) => ({ program: [process.execPath, FAKE, kind], version: "1.2.3" });
    const agents = { codex: fake("codex"), claude_code: fake("claude"), gemini_cli: fake("gemini"), ...entries };
    await writeFile(dir.file("agents.json"), JSON.stringify({ agents }));
    await writeFile(dir.file("key"), "sk-endpoint-fake");
    await mkdir(dir.file("tmp"));
    return new Machine(dir, server);
  }

  get env(): Record<string, string> {
    return {
      HOME: this.#dir.file("person"),
      TMPDIR: this.#dir.file("tmp"),
      SIGNALBOX_URL: this.#server.url,
      SIGNALBOX_TOKEN: "token-of-the-server",
      SIGNALBOX_AGENTS_FILE: this.#dir.file("agents.json"),
      SIGNALBOX_AGENTS_DIR: this.#dir.file("installed"),
      SIGNALBOX_AGENT_HOMES_DIR: this.#dir.file("homes"),
      ANTHROPIC_API_KEY: "sk-of-the-shell",
      LANG: "C.UTF-8",
    };
  }

  file(name: string): string {
    return this.#dir.file(name);
  }

  home(provider: string, file = ""): string {
    return join(this.#dir.file("homes"), provider, file);
  }

  /** How the agent was started last. */
  async started(provider: string): Promise<{ argv: string[]; env: Record<string, string>; cwd: string }> {
    return JSON.parse(await readFile(this.home(provider, "started.json"), "utf8")) as never;
  }

  async logIn(provider: string, code: string, ...more: string[]): Promise<{ code: number | null; text: string }> {
    await using terminal = await openTerminal(["agents", "login", provider, ...more], { env: this.env, columns: 200 });
    await eventually(() => terminal.text().includes("Paste the code"), { timeoutMs: 60_000 });
    terminal.type(`${code}\n`);
    return { code: await terminal.ended, text: terminal.text() };
  }

  /** Folders for temporary files that are still there. */
  async leftBehind(): Promise<string[]> {
    return (await readdir(this.file("tmp"))).filter((name) => name.startsWith("signalbox-login-"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.#dir[Symbol.asyncDispose]();
  }
}

describe.skipIf(!hasScript)("signalbox agents login", { timeout: 120_000 }, () => {
  it.each([
    ["codex", ["login"], ".codex/auth.json", ["CODEX_HOME"]],
    ["claude_code", ["auth", "login"], ".claude/.credentials.json", ["DISABLE_AUTOUPDATER"]],
    ["gemini_cli", [], ".gemini/oauth_creds.json", []],
  ])(
    "lets a person log in to %s at their terminal, in its home, and tells nobody",
    async (provider, argv, file, own) => {
      await using machine = await Machine.open();

      const login = await machine.logIn(provider, "1234");

      expect(login.code).toBe(0);
      expect(login.text).toContain("Welcome.");
      expect(login.text).toContain(`${provider} is logged in`);
      expect(await readFile(machine.home(provider, file), "utf8")).toContain("secret-of-1234");
      const { env, cwd, ...started } = await machine.started(provider);
      expect(started).toMatchObject({ argv, isTerminal: true });
      expect(cwd).toBe(machine.home(provider));
      expect(env["HOME"]).toBe(machine.home(provider));
      expect(Object.keys(env).sort()).toEqual(["HOME", "LANG", "PATH", "TERM", "TMPDIR", ...own].sort());
      expect(await machine.leftBehind()).toEqual([]);
      expect(machine.visits).toEqual([]);
      expect(login.text).not.toContain("secret-of");
    },
  );

  it("hands on what comes after --", async () => {
    await using machine = await Machine.open();

    await machine.logIn("codex", "1", "--", "--device-auth");

    expect((await machine.started("codex")).argv).toEqual(["login", "--device-auth"]);
  });

  it("takes the home that agents.json names", async () => {
    await using dir = await tempDir();
    const codex = { program: [process.execPath, FAKE, "codex"], version: "1.2.3", home: dir.path };
    await using machine = await Machine.open({ codex });

    await machine.logIn("codex", "5");

    expect(await readFile(dir.file(".codex/auth.json"), "utf8")).toContain("secret-of-5");
    expect(existsSync(machine.home("codex"))).toBe(false);
  });

  it.each([
    ["--fail", 1, "codex ended with 3"],
    ["--nothing", 0, "codex left no login in"],
  ])("says so when the agent does not log in (%s)", async (word, code, words) => {
    await using machine = await Machine.open();
    await using terminal = await openTerminal(["agents", "login", "codex", "--", word], {
      env: machine.env,
      columns: 200,
    });

    expect(await terminal.ended).toBe(code);

    expect(terminal.text()).toContain(words);
  });

  it("leaves Ctrl-C to the agent, and ends after it", async () => {
    await using machine = await Machine.open();
    await using terminal = await openTerminal(["agents", "login", "codex"], { env: machine.env, columns: 200 });
    await eventually(() => terminal.text().includes("Paste the code"), { timeoutMs: 60_000 });

    terminal.type("\u0003");

    expect(await terminal.ended).toBe(1);
    expect(terminal.text()).toContain("codex ended with SIGINT");
    expect(existsSync(machine.home("codex", ".codex/auth.json"))).toBe(false);
    expect(await machine.leftBehind()).toEqual([]);
  });

  it("refuses a home in which a link stands for the place of the login", async () => {
    await using machine = await Machine.open();
    await mkdir(machine.home("codex"), { recursive: true });
    await mkdir(machine.file("elsewhere"));
    await symlink(machine.file("elsewhere"), machine.home("codex", ".codex"));
    await using terminal = await openTerminal(["agents", "login", "codex"], { env: machine.env, columns: 200 });

    expect(await terminal.ended).toBe(1);

    expect(terminal.text()).toContain("has a link in the place of its login");
    expect(await readdir(machine.file("elsewhere"))).toEqual([]);
  });

  it("shows who is logged in, and is undone by logout", async () => {
    await using machine = await Machine.open();
    await machine.logIn("codex", "1");
    const before = await signalbox(["agents", "list"], { env: machine.env });

    // What the agent's own program prints goes where the command line's does: a process is needed to see it.
    const logout = await startSignalbox(["agents", "logout", "codex"], { env: machine.env }).ended;

    expect(before.stdout).toMatch(/codex +1\.2\.3 +yes/);
    expect(before.stdout).toMatch(/claude_code +1\.2\.3 +no/);
    expect(logout).toMatchObject({ code: 0 });
    expect(logout.stdout).toContain("the account was told\ncodex is logged out on this machine\n");
    expect(existsSync(machine.home("codex", ".codex/auth.json"))).toBe(false);
    const after = await signalbox(["agents", "list"], { env: machine.env });
    expect(after.stdout).toMatch(/codex +1\.2\.3 +no/);
    expect(machine.visits).toEqual([]);
  });

  it("is undone for an agent that has no word for it, and without the program", async () => {
    await using machine = await Machine.open();
    await machine.logIn("gemini_cli", "1");
    await machine.logIn("claude_code", "2");
    await writeFile(machine.file("agents.json"), '{"agents":{}}');

    const gemini = await signalbox(["--json", "agents", "logout", "gemini_cli"], { env: machine.env });
    const claude = await signalbox(["agents", "logout", "claude_code"], { env: machine.env });
    const again = await signalbox(["agents", "logout", "claude_code"], { env: machine.env });

    const home = machine.home("gemini_cli");
    expect(JSON.parse(gemini.stdout)).toEqual({
      success: true,
      data: { provider: "gemini_cli", home, hadLogin: true },
    });
    expect(claude.stderr).toContain("its provider was not told");
    expect(again.stdout).toContain("claude_code was not logged in here");
    expect(existsSync(machine.home("gemini_cli", ".gemini/oauth_creds.json"))).toBe(false);
    expect(existsSync(machine.home("claude_code", ".claude/.credentials.json"))).toBe(false);
  });
});

describe("signalbox agents login and logout", () => {
  it.each([
    ["login", "goose", "there are codex, claude_code, gemini_cli"],
    ["login", "acp:goose", "name the home in which you did so"],
    ["login", "scripted", "plays a file and has no account"],
    ["login", "omnara", "omnara is a service"],
    ["logout", "goose", "nobody logs in to goose here"],
    ["login", "claude_code", "so a login would not be used"],
    ["login", "codex", "there is no terminal to log in at"],
  ])("%s refuses %s: %s", async (command, provider, words) => {
    const endpoint = { baseUrl: "https://models.example/v1", apiKeyFile: "key" };
    await using machine = await Machine.open({ claude_code: { endpoint } });

    const ended = await signalbox(["agents", command, provider], { env: machine.env });

    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(words);
    expect(ended.stderr).not.toContain("sk-endpoint-fake");
    expect(existsSync(machine.file("homes"))).toBe(false);
  });

  it("says how to install an agent that is not there", async () => {
    await using machine = await Machine.open({ codex: {} });

    const ended = await signalbox(["agents", "login", "codex"], { env: machine.env });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("`signalbox agents install codex` installs it");
  });

  it("says where a login stays", async () => {
    const { stdout } = await signalbox(["agents", "login", "--help"]);

    expect(stdout).toContain("The login stays in the agent's home on this machine");
    expect(stdout).toContain("the server neither sees nor stores it");
  });
});

describe("signalbox agents list", () => {
  it("shows a service that is configured by its address, and never its key", async () => {
    const ids = { org: `org_${"a".repeat(26)}`, project: `proj_${"b".repeat(26)}`, config: `acfg_${"c".repeat(26)}` };
    const omnara = { endpoint: { baseUrl: "https://omnara.example/api/v1", apiKeyFile: "key" }, options: ids };
    await using machine = await Machine.open({ omnara });

    const { stdout, stderr } = await signalbox(["agents", "list"], { env: machine.env });

    expect(stdout).toMatch(/omnara +unknown +by endpoint +https:\/\/omnara\.example\/api\/v1/);
    expect(stdout + stderr).not.toContain("sk-endpoint-fake");
  });

  it("refuses an agents.json that is not there, or cannot be used", async () => {
    await using machine = await Machine.open();
    await writeFile(machine.file("broken.json"), "{");

    const missing = await signalbox(["agents", "list", "--agents-file", machine.file("none.json")]);
    const broken = await signalbox(["agents", "list", "--agents-file", machine.file("broken.json")]);

    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no such file") as string });
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringContaining("is no JSON") as string });
  });
});
