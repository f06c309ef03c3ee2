import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

import {
  CreateWebhookRequestSchema,
  LimitOverridesSchema,
  readPortRange,
  type LimitOverrides,
} from "@signalbox/protocol";
import * as z from "zod";

/** What a server is told at its start. `readServerConfig` makes one from the environment. */
export interface ServerConfig {
  /** The address to listen on; `localhost` stands for 127.0.0.1 and ::1. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly dataDir: string;
  /** Other names under which it is asked, as they stand in the Host header. */
  readonly publicNames: readonly string[];
  /** Proxies whose X-Forwarded-For is believed: addresses or CIDR ranges. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  /** Everybody who can reach the server is its admin. Only on loopback. */
  readonly noAuth: boolean;
  /** A proxy in front ends TLS, and is the only one who can reach the server. */
  readonly behindProxy: boolean;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Where spans are sent, as OTLP over HTTP. Absent: none are made. */
  readonly otlpEndpoint?: string;
  /** A folder of plugins that the server runs, each in a folder of its own. Absent: it runs none. */
  readonly pluginsDir?: string;
  /** The whole environment of their processes, beside what says where the bus is. */
  readonly pluginEnvironment?: Readonly<Record<string, string>>;
  /** Who is told of events, beside those who ask for it over the API. Absent: nobody. */
  readonly webhook?: { readonly url: string; readonly secret: string; readonly events?: readonly string[] };
  /** Addresses and CIDR ranges outside the public internet that webhooks may post to. Default none. */
  readonly webhookNetworks?: readonly string[];
  /** Ports, and ranges such as `8000-8999`, that webhooks may post to. Default 80 and 443. */
  readonly webhookPorts?: readonly string[];
  /** More ports that webhooks may post to in `webhookNetworks`. Default none. */
  readonly webhookNetworkPorts?: readonly string[];
  /** Authorities, as PEM, that receivers of webhooks may be certified by, beside those that this machine trusts. Default none. */
  readonly webhookAuthorities?: string;
  /** Intervals and sizes other than those of the product. Default none. */
  readonly limits?: LimitOverrides;
}

/** The configuration cannot be used; the message is one line that says what to change. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Environment = Readonly<Record<string, string | undefined>>;

const yes = z
  .enum(["1", "true", "yes", "0", "false", "no"], "must be true or false")
  .transform((text) => ["1", "true", "yes"].includes(text));
const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean),
);

const ports = list.pipe(z.array(z.string().refine(readPortRange, "must be ports or ranges such as 8000-8999")));

const EnvironmentSchema = z.object({
  SIGNALBOX_HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:-]+$/, "must be a name or an address")
    .default("localhost"),
  SIGNALBOX_PORT: z
    .string()
    .regex(/^\d{1,5}$/, "must be a port")
    .transform(Number)
    .pipe(z.int().max(65_535))
    .default(3_000),
  SIGNALBOX_DATA_DIR: z.string().default(() => join(homedir(), ".signalbox")),
  SIGNALBOX_PUBLIC_NAMES: list
    .pipe(
      z.array(
        z
          .string()
          .regex(/^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?$/, "must be host names, with a port or without"),
      ),
    )
    .default([]),
  SIGNALBOX_TRUSTED_PROXIES: list
    .pipe(z.array(z.string().refine(isNetwork, "must be addresses or CIDR ranges")))
    .default([]),
  SIGNALBOX_LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  SIGNALBOX_NO_AUTH: yes.default(false),
  SIGNALBOX_BEHIND_PROXY: yes.default(false),
  SIGNALBOX_TLS_CERT_FILE: z.string().optional(),
  SIGNALBOX_TLS_KEY_FILE: z.string().optional(),
  SIGNALBOX_PLUGINS_DIR: z.string().optional(),
  SIGNALBOX_WEBHOOK_URL: z.string().optional(),
  SIGNALBOX_WEBHOOK_SECRET: z.string().optional(),
  SIGNALBOX_WEBHOOK_EVENTS: list.optional(),
  SIGNALBOX_WEBHOOK_NETWORKS: list
    .pipe(z.array(z.string().refine(isNetwork, "must be addresses or CIDR ranges")))
    .default([]),
  SIGNALBOX_WEBHOOK_PORTS: ports.default(["80", "443"]),
  SIGNALBOX_WEBHOOK_NETWORK_PORTS: ports.default([]),
  SIGNALBOX_WEBHOOK_CA_FILE: z.string().optional(),
  /** What the guide of NOFX calls the first two. */
  NOFX_WEBHOOK_URL: z.string().optional(),
  NOFX_WEBHOOK_SECRET: z.string().optional(),
  /** Limits by their names in `/api/v1/limits`, as JSON: `{"lease.ttlMs": 60000}`. */
  SIGNALBOX_LIMITS: z
    .string()
    .transform((text, context) => parseJson(text) ?? context.addIssue("must be JSON"))
    .pipe(LimitOverridesSchema)
    .optional(),
  SIGNALBOX_OTLP_ENDPOINT: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }).optional(),
});

/** Reads the configuration; what `overrides` has wins over the environment. Throws a `ConfigError`. */
export function readServerConfig(
  environment: Environment = process.env,
  overrides: Partial<ServerConfig> = {},
): ServerConfig {
  // An entry that is empty counts as absent.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = EnvironmentSchema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ConfigError(`${String(issue?.path[0])} ${issue?.message ?? "is wrong"}`);
  }
  return requireSafe({ ...fromEnvironment(parsed.data), pluginEnvironment: environmentOfPlugins(given), ...overrides });
}

/** What programs need to find others and to speak to people; nothing of the server's own settings. */
function environmentOfPlugins(environment: Environment): Record<string, string> {
  const names = ["PATH", "LANG", "LC_ALL", "TZ"];
  return Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
}

/** Refuses a configuration that would open the server to others without keeping them out. */
export function requireSafe(config: ServerConfig): ServerConfig {
  if (isLoopback(config.host)) return config;
  if (config.noAuth)
    throw new ConfigError(`SIGNALBOX_NO_AUTH works on loopback only; SIGNALBOX_HOST is ${config.host}`);
  if (config.tls || config.behindProxy) return config;
  throw new ConfigError(
    `SIGNALBOX_HOST=${config.host} is reachable from other machines: set SIGNALBOX_TLS_CERT_FILE and SIGNALBOX_TLS_KEY_FILE, or SIGNALBOX_BEHIND_PROXY=true when a proxy ends TLS`,
  );
}

/** The proxies of a configuration, as something that can be asked. */
export function proxyList(config: ServerConfig): BlockList | undefined {
  if (config.trustedProxies.length === 0) return undefined;
  const proxies = new BlockList();
  for (const text of config.trustedProxies) {
    const [address = "", bits] = text.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(bits), family);
  }
  return proxies;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function fromEnvironment(parsed: z.output<typeof EnvironmentSchema>): ServerConfig {
  const { SIGNALBOX_TLS_CERT_FILE: cert, SIGNALBOX_TLS_KEY_FILE: key, SIGNALBOX_OTLP_ENDPOINT: otlpEndpoint } = parsed;
  if ((cert === undefined) !== (key === undefined)) {
    throw new ConfigError("SIGNALBOX_TLS_CERT_FILE and SIGNALBOX_TLS_KEY_FILE belong together; one of them is missing");
  }
  const webhook = webhookIn(parsed);
  const authorities = parsed.SIGNALBOX_WEBHOOK_CA_FILE;
  return {
    host: parsed.SIGNALBOX_HOST,
    port: parsed.SIGNALBOX_PORT,
    dataDir: resolve(parsed.SIGNALBOX_DATA_DIR),
    publicNames: parsed.SIGNALBOX_PUBLIC_NAMES,
    trustedProxies: parsed.SIGNALBOX_TRUSTED_PROXIES,
    logLevel: parsed.SIGNALBOX_LOG_LEVEL,
    noAuth: parsed.SIGNALBOX_NO_AUTH,
    behindProxy: parsed.SIGNALBOX_BEHIND_PROXY,
    ...(cert === undefined || key === undefined ? {} : { tls: { cert: readText(cert), key: readText(key) } }),
    ...(otlpEndpoint === undefined ? {} : { otlpEndpoint }),
    ...(parsed.SIGNALBOX_PLUGINS_DIR === undefined ? {} : { pluginsDir: resolve(parsed.SIGNALBOX_PLUGINS_DIR) }),
    ...(webhook === undefined ? {} : { webhook }),
    webhookNetworks: parsed.SIGNALBOX_WEBHOOK_NETWORKS,
    webhookPorts: parsed.SIGNALBOX_WEBHOOK_PORTS,
    webhookNetworkPorts: parsed.SIGNALBOX_WEBHOOK_NETWORK_PORTS,
    ...(authorities === undefined ? {} : { webhookAuthorities: readAuthorities(authorities) }),
    ...(parsed.SIGNALBOX_LIMITS === undefined ? {} : { limits: parsed.SIGNALBOX_LIMITS }),
  };
}

function webhookIn(parsed: z.output<typeof EnvironmentSchema>): ServerConfig["webhook"] {
  const prefix = parsed.SIGNALBOX_WEBHOOK_URL === undefined ? "NOFX" : "SIGNALBOX";
  const url = parsed[`${prefix}_WEBHOOK_URL`];
  const secret = parsed[`${prefix}_WEBHOOK_SECRET`];
  const events = parsed.SIGNALBOX_WEBHOOK_EVENTS;
  if (url === undefined) return undefined;
  if (secret === undefined)
    throw new ConfigError(
      `${prefix}_WEBHOOK_URL needs ${prefix}_WEBHOOK_SECRET, by which the receiver knows the posts`,
    );
  const webhook = { url, secret, ...(events === undefined ? {} : { events }) };
  const [issue] = CreateWebhookRequestSchema.safeParse(webhook).error?.issues ?? [];
  if (!issue) return webhook;
  const name = `${issue.path[0] === "events" ? "SIGNALBOX" : prefix}_WEBHOOK_${String(issue.path[0]).toUpperCase()}`;
  throw new ConfigError(`${name} ${issue.message}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      cause: error,
    });
  }
}

/** A file that holds no certificate, or one that is cut off, would make every post fail without saying why. */
function readAuthorities(file: string): string {
  const text = readText(file);
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const isWhole = certificates.length === text.split("-----BEGIN ").length - 1 && certificates.every(isCertificate);
  if (certificates.length > 0 && isWhole) return text;
  throw new ConfigError(
    `SIGNALBOX_WEBHOOK_CA_FILE must hold certificates as PEM, whole and without keys; ${file} does not`,
  );
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
}
