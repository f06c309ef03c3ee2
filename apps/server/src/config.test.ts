import { writeFile } from "node:fs/promises";

import { selfSigned, tempDir, testAuthority } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { ConfigError, proxyList, readServerConfig } from "./config.ts";

const HOOK = { SIGNALBOX_WEBHOOK_URL: "https://hooks.example/", SIGNALBOX_WEBHOOK_SECRET: "a-secret-of-the-operator" };

describe("readServerConfig", () => {
  it("reads who is told of events, and where webhooks may go", () => {
    const config = readServerConfig({
      ...HOOK,
      SIGNALBOX_WEBHOOK_EVENTS: "run.failed, approval.*",
      SIGNALBOX_WEBHOOK_NETWORKS: "127.0.0.1, 10.0.0.0/8",
    });
    const old = readServerConfig({
      NOFX_WEBHOOK_URL: "https://hooks.example/nofx",
      NOFX_WEBHOOK_SECRET: "a-secret-of-the-operator",
    });

    expect(config).toMatchObject({
      webhook: {
        url: "https://hooks.example/",
        secret: "a-secret-of-the-operator",
        events: ["run.failed", "approval.*"],
      },
      webhookNetworks: ["127.0.0.1", "10.0.0.0/8"],
    });
    expect(old).toMatchObject({ webhook: { url: "https://hooks.example/nofx" }, webhookNetworks: [] });
  });

  it("needs nothing: loopback, port 3000, authentication", () => {
    expect(readServerConfig({ HOME: "/home/x" })).toMatchObject({
      host: "localhost",
      port: 3000,
      noAuth: false,
      behindProxy: false,
      logLevel: "info",
      publicNames: [],
    });
  });

  it("reads what it knows, takes an empty entry for none, and leaves the rest to others", () => {
    const config = readServerConfig({
      SIGNALBOX_PORT: "0",
      SIGNALBOX_DATA_DIR: "/data",
      SIGNALBOX_PUBLIC_NAMES: "ci.example.com, box:8080",
      SIGNALBOX_NO_AUTH: "",
      SIGNALBOX_LOG_LEVEL: "debug",
      SIGNALBOX_PLUGINS_DIR: "/plugins",
      SIGNALBOX_URL: "x",
      SIGNALBOX_OTLP_ENDPOINT: "http://127.0.0.1:4318",
    });

    expect(config).toMatchObject({
      port: 0,
      dataDir: "/data",
      publicNames: ["ci.example.com", "box:8080"],
      noAuth: false,
      logLevel: "debug",
      pluginsDir: "/plugins",
      otlpEndpoint: "http://127.0.0.1:4318",
    });
  });

  it.each([
    [{ SIGNALBOX_PORT: "http" }, "SIGNALBOX_PORT must be a port"],
    [{ SIGNALBOX_PORT: "65536" }, "SIGNALBOX_PORT"],
    [{ SIGNALBOX_LOG_LEVEL: "loud" }, "SIGNALBOX_LOG_LEVEL"],
    [{ SIGNALBOX_NO_AUTH: "maybe" }, "SIGNALBOX_NO_AUTH must be true or false"],
    [{ SIGNALBOX_PUBLIC_NAMES: "http://x" }, "SIGNALBOX_PUBLIC_NAMES must be host names"],
    [{ SIGNALBOX_TRUSTED_PROXIES: "10.0.0.0/99" }, "SIGNALBOX_TRUSTED_PROXIES must be addresses"],
    [{ SIGNALBOX_OTLP_ENDPOINT: "collector" }, "SIGNALBOX_OTLP_ENDPOINT must be an http(s) URL"],
    [{ SIGNALBOX_WEBHOOK_URL: "https://hooks.example/" }, "SIGNALBOX_WEBHOOK_URL needs SIGNALBOX_WEBHOOK_SECRET"],
    [{ NOFX_WEBHOOK_URL: "https://hooks.example/" }, "NOFX_WEBHOOK_URL needs NOFX_WEBHOOK_SECRET"],
    [{ SIGNALBOX_WEBHOOK_URL: "hooks", SIGNALBOX_WEBHOOK_SECRET: "x".repeat(16) }, "SIGNALBOX_WEBHOOK_URL must be an"],
    [{ NOFX_WEBHOOK_URL: "https://hooks.example/", NOFX_WEBHOOK_SECRET: "x" }, "NOFX_WEBHOOK_SECRET"],
    [{ ...HOOK, SIGNALBOX_WEBHOOK_EVENTS: "run.exploded" }, "SIGNALBOX_WEBHOOK_EVENTS must be a type of event"],
    [{ SIGNALBOX_WEBHOOK_NETWORKS: "intranet" }, "SIGNALBOX_WEBHOOK_NETWORKS must be addresses"],
    [{ SIGNALBOX_WEBHOOK_PORTS: "http" }, "SIGNALBOX_WEBHOOK_PORTS must be ports or ranges"],
    [{ SIGNALBOX_WEBHOOK_PORTS: "0" }, "SIGNALBOX_WEBHOOK_PORTS must be ports or ranges"],
    [{ SIGNALBOX_WEBHOOK_NETWORK_PORTS: "80,9000-8000" }, "SIGNALBOX_WEBHOOK_NETWORK_PORTS must be ports or ranges"],
    [{ SIGNALBOX_WEBHOOK_NETWORK_PORTS: "1-65536" }, "SIGNALBOX_WEBHOOK_NETWORK_PORTS must be ports or ranges"],
    [{ SIGNALBOX_TLS_CERT_FILE: "/nothing" }, "SIGNALBOX_TLS_CERT_FILE and SIGNALBOX_TLS_KEY_FILE belong together"],
    [{ SIGNALBOX_TLS_CERT_FILE: "/nothing", SIGNALBOX_TLS_KEY_FILE: "/nothing" }, "cannot read /nothing: ENOENT"],
    [{ SIGNALBOX_HOST: "0.0.0.0" }, "SIGNALBOX_HOST=0.0.0.0 is reachable from other machines"],
    [{ SIGNALBOX_HOST: "::" }, "SIGNALBOX_HOST=:: is reachable from other machines"],
    [{ SIGNALBOX_HOST: "box.example.com" }, "is reachable from other machines"],
    [{ SIGNALBOX_HOST: "127.0.0.1.example.com" }, "is reachable from other machines"],
    [
      { SIGNALBOX_HOST: "0.0.0.0", SIGNALBOX_NO_AUTH: "true", SIGNALBOX_BEHIND_PROXY: "true" },
      "SIGNALBOX_NO_AUTH works on loopback only",
    ],
  ])("refuses %j in one line", (environment, message) => {
    const read = () => readServerConfig(environment);

    expect(read).toThrow(ConfigError);
    expect(read).toThrow(message);
    expect(read).not.toThrow(/\n/);
  });

  it("takes authorities for webhooks that are certificates, and nothing that is cut off, a key, or none", async () => {
    await using dir = await tempDir();
    const authority = testAuthority();
    const both = `# ours\n${authority.cert}${selfSigned().cert}`;
    const files = {
      both,
      none: "",
      key: authority.issue().key,
      withKey: both + authority.issue().key,
      short: authority.cert.slice(0, 200),
      broken: authority.cert.replace(/.{64}\n/, ""),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(dir.file(name), text);
    const read = (name: string) => readServerConfig({ SIGNALBOX_WEBHOOK_CA_FILE: dir.file(name) }).webhookAuthorities;

    expect(read("both")).toBe(both);
    for (const name of ["none", "key", "withKey", "short", "broken"])
      expect(() => read(name)).toThrow(/^SIGNALBOX_WEBHOOK_CA_FILE must hold certificates/);
    expect(() => read("nothing")).toThrow(/^cannot read/);
  });

  it("lets a server be reached from elsewhere behind a proxy, or with TLS of its own", async () => {
    await using dir = await tempDir();
    await writeFile(dir.file("pem"), "PEM");
    const tls = { SIGNALBOX_TLS_CERT_FILE: dir.file("pem"), SIGNALBOX_TLS_KEY_FILE: dir.file("pem") };

    expect(readServerConfig({ SIGNALBOX_HOST: "0.0.0.0", SIGNALBOX_BEHIND_PROXY: "1" }).behindProxy).toBe(true);
    expect(readServerConfig({ SIGNALBOX_HOST: "0.0.0.0", ...tls }).tls).toEqual({ cert: "PEM", key: "PEM" });
  });

  it("checks what is given in code as it does the environment", () => {
    expect(() => readServerConfig({}, { host: "0.0.0.0" })).toThrow(ConfigError);
    expect(() => readServerConfig({}, { host: "0.0.0.0", behindProxy: true, noAuth: true })).toThrow(ConfigError);
  });
});

describe("proxyList", () => {
  it("knows addresses and ranges of both families", () => {
    const proxies = proxyList(readServerConfig({ SIGNALBOX_TRUSTED_PROXIES: "10.0.0.0/8,192.0.2.1,fd00::/8" }));

    expect([proxies?.check("10.9.8.7"), proxies?.check("192.0.2.2"), proxies?.check("fd00::1", "ipv6")]).toEqual([
      true,
      false,
      true,
    ]);
  });
});
