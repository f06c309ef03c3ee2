import { mkdir, writeFile } from "node:fs/promises";

import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { plugin, pluginDetails } from "./_support/canned.ts";
import { fakeApi, refusal } from "./_support/fake-api.ts";
import { signalbox, startSignalbox } from "./_support/run-signalbox.ts";
import { soon } from "./_support/soon.ts";
import { hasScript, openTerminal } from "./_support/terminal.ts";

function aPlugin(details = pluginDetails()) {
  return fakeApi({
    "GET /plugins": () => ({ items: [details], problems: [] }),
    "GET /plugins/:name": () => details,
    "POST /plugins/:name/approve": () => plugin({ state: "approved" }),
  });
}

/** A plugin's folder with this manifest. */
async function pluginFolder(manifest: unknown) {
  const dir = await tempDir();
  await mkdir(dir.file(".claude-plugin"));
  await mkdir(dir.file("lib"));
  await writeFile(dir.file(".claude-plugin/plugin.json"), JSON.stringify(manifest));
  await writeFile(dir.file("lib/plugin-bootstrap.js"), "");
  return dir;
}

describe("signalbox plugins", () => {
  it("lists plugins, and what in the folder is none", async () => {
    await using api = await fakeApi({
      "GET /plugins": () => ({
        items: [
          plugin({ state: "approved", connected: true, breaker: "open", process: { state: "running", restarts: 2 } }),
          plugin({ name: "herald", origin: "elsewhere", process: undefined, version: "2\u001b[31m.0" }),
        ],
        problems: [{ folder: "/plugins/bad", issues: [{ path: "version", message: "wanted a version" }] }],
      }),
    });

    const { stdout, stderr } = await signalbox(["plugins", "--server", api.url]);

    expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["PLUGIN", "STATE", "PROCESS", "CONNECTED", "BREAKER", "VERSION", "FROM"],
      ["crier", "approved", "running (2 restarts)", "yes", "open", "1.0.0", "folder"],
      ["herald", "pending", "–", "no", "closed", "2.0", "elsewhere"],
      [""],
    ]);
    expect(stderr).toBe("/plugins/bad is no plugin:\n  version: wanted a version\n");
  });

  it("shows one with its whole manifest, what it may do and what it wrote", async () => {
    await using api = await aPlugin(
      pluginDetails({ lastFailure: { message: "ended by itself: exit code 1", at: "2026-11-21T08:00:00.000Z" } }),
    );

    const { stdout } = await signalbox(["plugins", "show", "crier", "--server", api.url]);

    expect(stdout).toContain('"name": "crier"');
    expect(stdout).toContain("  sends on news/**\n  hears system/broadcast\n  sends requests to EVERY plugin\n");
    expect(stdout).toContain("ended by itself: exit code 1");
    expect(stdout).toMatch(/wrote last\n {2}hello\n$/);
  });

  it("gives a document as the API answers it", async () => {
    await using api = await aPlugin();

    const { stdout } = await signalbox(["plugins", "show", "crier", "--json", "--server", api.url]);

    expect(JSON.parse(stdout)).toEqual({ success: true, data: pluginDetails() });
  });

  it.each([
    ["start", "crier is approved; its process is starting\n"],
    ["stop", "crier is approved; its process is starting\n"],
    ["restart", "crier is approved; its process is starting\n"],
    ["revoke", "crier is approved; its process is starting\n"],
  ])("%s asks the server, and tells how the plugin stands", async (verb, said) => {
    await using api = await fakeApi({
      "POST /plugins/:name/:verb": () => plugin({ state: "approved", process: { state: "starting", restarts: 0 } }),
    });

    const { stdout } = await signalbox(["plugins", verb, "crier", "--server", api.url]);

    expect(stdout).toBe(said);
    expect(api.heard).toMatchObject([{ method: "POST", path: `/plugins/crier/${verb}` }]);
  });

  it("prints what a process wrote, without what a terminal would act on", async () => {
    const at = "2026-11-21T08:00:00.000Z";
    await using api = await fakeApi({
      "GET /plugins/:name/logs": () => ({
        plugin: "crier",
        lines: [
          { at, stream: "stdout", text: "hel\u001b[2Jlo" },
          { at, stream: "host", text: "it is started again in 500 ms" },
        ],
      }),
    });

    const { stdout } = await signalbox(["plugins", "logs", "crier", "--server", api.url]);

    expect(stdout).toBe("hello\n(it is started again in 500 ms)\n");
  });

  it("makes a token, alone on stdout", async () => {
    await using api = await fakeApi({
      "POST /plugins/:name/tokens": () => ({ id: "t1", plugin: "crier", token: "sbp_t1_x" }),
    });

    const { stdout, stderr } = await signalbox(["plugins", "token", "crier", "--expires", "1h", "--server", api.url]);

    expect(stdout).toBe("sbp_t1_x\n");
    expect(stderr).toContain("signalbox token revoke t1");
    expect(api.heard[0]?.body).toEqual({ expiresInMs: 3_600_000 });
  });

  it("registers a manifest from a file or from stdin", async () => {
    await using api = await fakeApi({ "POST /plugins": () => plugin({ origin: "elsewhere", process: undefined }) });
    await using dir = await pluginFolder({ name: "crier", version: "1.0.0" });

    const fromFile = await signalbox([
      "plugins",
      "register",
      dir.file(".claude-plugin/plugin.json"),
      "--server",
      api.url,
    ]);
    const fromStdin = await signalbox(["plugins", "register", "-", "--server", api.url], { stdin: '{"name":"crier"}' });
    const nothing = await signalbox(["plugins", "register", "-", "--server", api.url], { stdin: "[1]" });

    expect(fromFile).toMatchObject({ code: 0, stdout: "crier is pending\n" });
    expect(fromFile.stderr).toBe("next: signalbox plugins approve crier\n");
    expect(fromStdin.code).toBe(0);
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining("- does not hold an object")]);
    expect(api.heard.map(({ body }) => body)).toEqual([
      { manifest: { name: "crier", version: "1.0.0" } },
      { manifest: { name: "crier" } },
    ]);
  });

  it("says which plugins there are when one is not known", async () => {
    await using api = await fakeApi({ "GET /plugins/:name": () => refusal(404, "PLUGIN_NOT_FOUND", "there is none") });

    const { code, stderr } = await signalbox(["plugins", "show", "x", "--server", api.url]);

    expect(code).toBe(1);
    expect(stderr).toContain("`signalbox plugins` lists what is there");
  });
});

describe("signalbox up --plugins", () => {
  it("tells what waits for approval, and what is none", async () => {
    await using dir = await tempDir();
    for (const [name, manifest] of [
      ["crier", { name: "crier", version: "1.0.0" }],
      ["bad", { name: "bad", version: 1 }],
    ] as const) {
      await mkdir(dir.file("plugins", name, ".claude-plugin"), { recursive: true });
      await mkdir(dir.file("plugins", name, "lib"));
      await writeFile(dir.file("plugins", name, ".claude-plugin/plugin.json"), JSON.stringify(manifest));
      await writeFile(dir.file("plugins", name, "lib/plugin-bootstrap.js"), "");
    }
    const { child, ended, printed } = startSignalbox(["up", "--port", "0", "--plugins", "plugins"], {
      cwd: dir.path,
      env: { SIGNALBOX_DATA_DIR: dir.file("data") },
    });

    await soon(printed).toContain("problem");
    child.kill("SIGINT");

    expect((await ended).code).toBe(0);
    expect(printed()).toContain("1 plugin, 0 of them approved\n");
    expect(printed()).toContain("crier is pending: signalbox plugins approve crier\n");
    expect(printed()).toContain(`${dir.file("plugins/bad")} is none (1 problem): signalbox plugins check`);
  });
});

describe("signalbox plugins check", () => {
  it("reads a folder without a server and tells its hash", async () => {
    await using dir = await pluginFolder({ name: "crier", version: "1.0.0" });

    const { code, stdout } = await signalbox(["plugins", "check", dir.path, "--server", "http://127.0.0.1:9"]);

    expect([code, stdout]).toEqual([0, `crier 1.0.0 is a plugin\nhash        ${pluginDetails().manifestHash}\n`]);
  });

  it("tells every problem at once, and ends with 1", async () => {
    await using dir = await pluginFolder({ name: "a b", version: 1, routing: { priority: "high" } });

    const human = await signalbox(["plugins", "check", dir.path]);
    const json = await signalbox(["plugins", "check", ".", "--json"], { cwd: dir.path });

    expect(human.code).toBe(1);
    expect(human.stdout.trimEnd().split("\n")).toEqual([
      expect.stringContaining("plugin.json: name: wanted"),
      expect.stringContaining("plugin.json: version: wanted"),
      expect.stringContaining("plugin.json: routing.priority: wanted"),
    ]);
    expect(human.stderr).toBe("3 problems\n");
    expect(JSON.parse(json.stdout)).toMatchObject({ data: { problems: [{ path: "name" }, {}, {}] } });
    expect(json.code).toBe(1);
  });
});

describe("signalbox plugins approve", () => {
  it("shows the whole manifest with nothing hidden, and approves nothing where it cannot ask", async () => {
    const manifest = { name: "crier", version: "1.0.0", description: "says \u202eit" };
    const { manifestHash } = await import("@signalbox/plugins");
    const hash = manifestHash(manifest);
    await using api = await aPlugin(pluginDetails({ manifest, manifestHash: hash }));

    const { code, stdout, stderr } = await signalbox(["plugins", "approve", "crier", "--server", api.url]);

    expect(code).toBe(2);
    expect(stdout).toContain('"description": "says \\u{202e}it"');
    expect(stdout).toContain("sends requests to EVERY plugin");
    expect(stdout).toContain(hash);
    expect(stderr).toContain(`signalbox plugins approve crier --yes --hash ${hash}`);
    expect(api.heard.map(({ method }) => method)).toEqual(["GET"]);
  });

  it("approves by the hash that was seen", async () => {
    await using api = await aPlugin();
    const { manifestHash: hash } = pluginDetails();

    const { code, stdout } = await signalbox([
      "plugins",
      "approve",
      "crier",
      "--yes",
      "--hash",
      hash,
      "--server",
      api.url,
    ]);

    expect([code, stdout]).toEqual([0, "crier is approved\n"]);
    expect(api.heard.at(-1)).toMatchObject({ path: "/plugins/crier/approve", body: { manifestHash: hash } });
  });

  it.each([
    ["another manifest than the one that was seen", pluginDetails(), "00".repeat(32)],
    [
      "a manifest that is not what the server says it hashes",
      pluginDetails({ manifest: { name: "other", version: "1.0.0" } }),
      pluginDetails().manifestHash,
    ],
  ])("approves nothing on %s", async (_, details, hash) => {
    await using api = await aPlugin(details);

    const ended = await signalbox(["plugins", "approve", "crier", "--yes", "--hash", hash, "--server", api.url]);

    expect([ended.code, ended.stdout]).toEqual([1, ""]);
    expect(ended.stderr).toContain("nothing was approved");
    expect(api.heard.map(({ method }) => method)).toEqual(["GET"]);
  });

  // Red without the hash that is computed here: what is shown would not be what the server has.
  it("shows and approves nothing of a manifest that is not what the server says it hashes", async () => {
    await using api = await aPlugin(pluginDetails({ manifest: { name: "other", version: "1.0.0" } }));

    const ended = await signalbox(["plugins", "approve", "crier", "--server", api.url]);

    expect([ended.code, ended.stdout]).toEqual([1, ""]);
    expect(ended.stderr).toContain("nothing was approved");
  });

  it("needs a hash where nobody is asked", async () => {
    await using api = await aPlugin();

    expect((await signalbox(["plugins", "approve", "crier", "--yes", "--server", api.url])).code).toBe(2);
    expect(api.heard).toEqual([]);
  });

  it.runIf(hasScript)("asks at a terminal", async () => {
    await using api = await aPlugin();
    await using terminal = await openTerminal(["plugins", "approve", "crier", "--server", api.url]);
    await soon(terminal.text).toContain("Type approve to do so");

    terminal.type("approve\r");

    expect(await terminal.ended).toBe(0);
    expect(terminal.text()).toContain("crier is approved");
  });
});

describe("signalbox plugins route and send", () => {
  const route = {
    requestId: "req_1",
    primaryPlugin: "crier",
    candidates: [{ plugin: "crier", score: 3, priority: 100, matches: [{ kind: "keyword", term: "news", points: 3 }] }],
    leftOut: [{ plugin: "herald", obstacles: [{ kind: "not-running", detail: "it is not running" }], matches: [] }],
  };

  it("tells where a request would go, and why not elsewhere", async () => {
    await using api = await fakeApi({ "POST /plugins/route": () => route });

    const { stdout } = await signalbox([
      "plugins",
      "route",
      "tell the news",
      "--path",
      "a/b.py",
      "--path",
      "c.py",
      "--domain",
      "press",
      "--server",
      api.url,
    ]);

    expect(stdout).toMatch(/^it goes to crier\n\ncrier +3\n {2}keyword news +3\nherald +no: it is not running\n$/);
    expect(api.heard[0]?.body).toEqual({ text: "tell the news", paths: ["a/b.py", "c.py"], domains: ["press"] });
  });

  it("sends a request and prints the answer", async () => {
    await using api = await fakeApi({
      "POST /plugins/dispatch": () => ({ requestId: "req_1", plugin: "crier", response: { status: "success" }, route }),
    });

    const { stdout, stderr } = await signalbox([
      "plugins",
      "send",
      "tell the news",
      "--payload",
      '{"command":"cry"}',
      "--timeout",
      "5s",
      "--server",
      api.url,
    ]);

    expect(JSON.parse(stdout)).toEqual({ status: "success" });
    expect(stderr).toBe("crier answers:\n");
    expect(api.heard[0]?.body).toEqual({ text: "tell the news", payload: { command: "cry" }, timeoutMs: 5_000 });
  });

  it.each(["{", "[1]", "null"])("sends nothing with the payload %s", async (payload) => {
    await using api = await fakeApi({});

    const { code } = await signalbox(["plugins", "send", "x", "--payload", payload, "--server", api.url]);

    expect(code).toBe(2);
    expect(api.heard).toEqual([]);
  });
});
