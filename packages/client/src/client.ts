import * as z from "zod";

import { ApprovalsClient } from "./approvals.ts";
import { ArtifactsClient } from "./artifacts.ts";
import { systemClock, type Clock } from "./clock.ts";
import { FilesClient } from "./files.ts";
import { GatesClient } from "./gates.ts";
import { PluginsClient } from "./plugins.ts";
import { ProjectsClient } from "./projects.ts";
import { Requester, type CallOptions } from "./request.ts";
import { RunnersClient } from "./runners.ts";
import { RunsClient } from "./runs.ts";
import { SessionsClient } from "./sessions.ts";
import { TokensClient } from "./tokens.ts";
import { WebhooksClient } from "./webhooks.ts";

/** Where the server is, and how it is talked to. */
export interface ClientSettings {
  /** Default `http://127.0.0.1:3000`. A path is taken as a prefix of the API's. */
  readonly baseUrl?: string | undefined;
  /** Sent as bearer token. */
  readonly token?: string | undefined;
  /** For one try of one request, in milliseconds. Default 30 s. */
  readonly timeoutMs?: number | undefined;
  /** Tries after the first, on network errors, 429 and 503 only. Default 4. */
  readonly retries?: number | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly clock?: Clock | undefined;
  /** In [0, 1); spreads retries. */
  readonly random?: (() => number) | undefined;
  /** Makes idempotency keys. */
  readonly newKey?: (() => string) | undefined;
}

/** One limit of the server. */
export interface ServerLimit {
  readonly value: number;
  readonly unit: string;
  readonly meaning: string;
}

const LimitsSchema = z.record(z.string(), z.object({ value: z.number(), unit: z.string(), meaning: z.string() }));

/** The API of a Signalbox server, noun by noun. */
export interface Client {
  readonly runs: RunsClient;
  readonly gates: GatesClient;
  readonly sessions: SessionsClient;
  readonly approvals: ApprovalsClient;
  readonly runners: RunnersClient;
  readonly plugins: PluginsClient;
  readonly webhooks: WebhooksClient;
  readonly projects: ProjectsClient;
  readonly tokens: TokensClient;
  readonly files: FilesClient;
  readonly artifacts: ArtifactsClient;
  /** Every limit of the server, by name. */
  limits(options?: CallOptions): Promise<Record<string, ServerLimit>>;
}

/** A client of a Signalbox server. Holds no connection open by itself; there is nothing to close. */
export function createClient(settings: ClientSettings = {}): Client {
  const requester = new Requester({
    baseUrl: settings.baseUrl ?? "http://127.0.0.1:3000",
    token: settings.token,
    fetch: settings.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    clock: settings.clock ?? systemClock,
    random: settings.random ?? Math.random,
    newKey: settings.newKey ?? (() => crypto.randomUUID()),
    timeoutMs: settings.timeoutMs ?? 30_000,
    retries: settings.retries ?? 4,
  });
  return {
    runs: new RunsClient(requester),
    gates: new GatesClient(requester),
    sessions: new SessionsClient(requester),
    approvals: new ApprovalsClient(requester),
    runners: new RunnersClient(requester),
    plugins: new PluginsClient(requester),
    webhooks: new WebhooksClient(requester),
    projects: new ProjectsClient(requester),
    tokens: new TokensClient(requester),
    files: new FilesClient(requester),
    artifacts: new ArtifactsClient(requester),
    limits: (options) => requester.json({ path: "/limits", ...options }, LimitsSchema),
  };
}
