import { tempDir, type TempDir } from "@signalbox/testkit";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { ConfigError } from "../config-error.ts";
import { openAgentCatalog } from "./open-agent-catalog.ts";
import { readAgentsFile } from "./read-agents-file.ts";

/** The catalog of a machine whose owner has written this. */
async function catalogOf(dir: TempDir, content: unknown) {
  await writeFile(dir.file("agents.json"), typeof content === "string" ? content : JSON.stringify(content));
  const offered = readAgentsFile(dir.file("agents.json")) ?? new Map();
  return openAgentCatalog({ offered, isAuto: false, installedDir: dir.file("installed"), homesDir: dir.file("homes") });
}

const goose = { program: [process.execPath, "goose.js"], version: "1.2.3", arguments: ["acp"] };

const OMNARA = {
  org: `org_${"a".repeat(26)}`,
  project: `proj_${"b".repeat(26)}`,
  config: `acfg_${"c".repeat(26)}`,
};

describe("the agents of a machine", () => {
  it("are the scripted one alone where its owner says nothing", async () => {
    await using dir = await tempDir();

    const catalog = await openAgentCatalog({
      offered: new Map(),
      isAuto: false,
      installedDir: dir.file("none"),
      homesDir: dir.file("homes"),
    });

    expect([...catalog.keys()]).toEqual(["scripted"]);
    expect(catalog.get("scripted")?.program.argv[0]).toBe(process.execPath);
  });

  it("are those that the file names, with keys and scripts read from files beside it", async () => {
    await using dir = await tempDir();
    await writeFile(dir.file("key"), "sk-test-fake\n");
    await writeFile(dir.file("script.json"), '{"turns":[]}');

    const catalog = await catalogOf(dir, {
      agents: {
        scripted: { script: "script.json" },
        "acp:goose": {
          ...goose,
          endpoint: { baseUrl: "http://127.0.0.1:1", apiKeyFile: "key" },
          endpointVariables: { baseUrl: "GOOSE_URL", apiKey: "GOOSE_KEY" },
        },
      },
    });

    expect(catalog.get("scripted")?.options).toEqual({ script: '{"turns":[]}' });
    expect(catalog.get("acp:goose")).toMatchObject({
      program: { version: "1.2.3" },
      endpoint: { baseUrl: "http://127.0.0.1:1", apiKey: "sk-test-fake" },
    });
    expect(catalog.get("acp:goose")?.home).toBeUndefined();
  });

  it("have a home of their own, for a login, where they were given no endpoint", async () => {
    await using dir = await tempDir();

    const catalog = await catalogOf(dir, { agents: { "acp:goose": goose } });

    expect(catalog.get("acp:goose")?.home).toBe(dir.file("homes/acp-goose"));
  });

  it("have no program and no home where they are a service, and no version but their owner's word", async () => {
    await using dir = await tempDir();
    await writeFile(dir.file("key"), "omnara_org_v1_fake\n");
    const omnara = { endpoint: { baseUrl: "http://127.0.0.1:1/api/v1", apiKeyFile: "key" }, options: OMNARA };

    const catalog = await catalogOf(dir, { agents: { omnara } });

    expect(catalog.get("omnara")).toMatchObject({
      program: { argv: ["omnara"], version: "unknown" },
      endpoint: { baseUrl: "http://127.0.0.1:1/api/v1", apiKey: "omnara_org_v1_fake" },
      options: OMNARA,
    });
    expect(catalog.get("omnara")?.home).toBeUndefined();
  });

  it("are not offered a home in which a link stands for the place of the login", async () => {
    await using dir = await tempDir();
    const program = [process.execPath];
    await mkdir(dir.file("homes/gemini_cli"), { recursive: true });
    await symlink("/elsewhere", dir.file("homes/gemini_cli/.gemini"));

    const opening = catalogOf(dir, { agents: { gemini_cli: { program, version: "1.0.0" } } });

    await expect(opening).rejects.toThrow("has a link in the place of its login");
  });

  it.each([
    ["is no JSON", "{"],
    ["gpt is no provider", { agents: { gpt: {} } }],
    ["omnara is a service: it needs an endpoint", { agents: { omnara: { options: OMNARA } } }],
    ["omnara is a service: it takes", { agents: { omnara: { home: "/h", options: OMNARA } } }],
    [
      "org must be an id of Omnara's that begins with org_",
      {
        agents: {
          omnara: { endpoint: { baseUrl: "http://x", apiKeyFile: "agents.json" }, options: { ...OMNARA, org: "x" } },
        },
      },
    ],
    ["acp:goose is an agent of your own", { agents: { "acp:goose": {} } }],
    ["acp:goose has a program, so it must say the version", { agents: { "acp:goose": { program: ["/bin/true"] } } }],
    ["must be an absolute path", { agents: { codex: { program: ["codex"], version: "1.0.0" } } }],
    ["codex has a script", { agents: { codex: { script: "x" } } }],
    ["codex has arguments", { agents: { codex: { arguments: ["x"] } } }],
    ["scripted is part of the runner", { agents: { scripted: { version: "1.0.0" } } }],
    ["not there: /nowhere/goose", { agents: { "acp:goose": { ...goose, program: ["/nowhere/goose"] } } }],
    ["names key, which is not there", { agents: { codex: { endpoint: { baseUrl: "http://x", apiKeyFile: "key" } } } }],
    [
      "has an endpoint and a home",
      { agents: { codex: { home: "/h", endpoint: { baseUrl: "http://x", apiKeyFile: "agents.json" } } } },
    ],
    ["signalbox agents install", { agents: { codex: { version: "0.0.1" } } }],
    ["Unrecognized key", { agents: { codex: { apiKey: "sk" } } }],
  ])("are refused in one line: %s", async (words, content) => {
    await using dir = await tempDir();

    const opening = catalogOf(dir, content);

    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(words);
  });
});
