import { randomFillSync } from "node:crypto";

import { getRequestListener } from "@hono/node-server";
import type { ControlPlane } from "@signalbox/control-plane";
import {
  Authentication,
  clientAddress,
  createFaces,
  createLocalChecks,
  documentsFace,
  nativeFace,
  nofxFace,
  OpenStreams,
  RateLimit,
  READER_SETTINGS,
  runnerFace,
} from "@signalbox/dialects";
import { createIdSource, DEFAULT_ORG, limit, type Principal } from "@signalbox/protocol";
import type { Logger } from "pino";

import { ensureAdminToken } from "./admin-token.ts";
import { proxyList, requireSafe, type ServerConfig } from "./config.ts";
import { HttpMetrics } from "./http-metrics.ts";
import { openListeners, type Listeners } from "./listeners.ts";
import { localNames } from "./local-names.ts";
import { createLogger, createObserver } from "./logging.ts";
import { openControlPlane, type OpenedControlPlane } from "./open-control-plane.ts";
import { operationsFace } from "./operations.ts";
import type { PluginUpgrade } from "./plugin-door.ts";
import { runPlugins } from "./run-plugins.ts";

/** A server that runs until it is disposed of. */
export interface RunningServer extends AsyncDisposable {
  readonly port: number;
  /** The first is the one to show to people. */
  readonly urls: readonly string[];
  /** The file with the token that it made at its first start; absent without authentication. */
  readonly adminTokenFile?: string;
  readonly controlPlane: ControlPlane;
}

/** What a caller may bring along. */
export interface StartOptions {
  readonly logger?: Logger;
  /** Told when the store has failed for good: the process should end with code 70. */
  readonly onFatal?: (error: Error) => void;
  /** What the server is a face of; default the real one on the data directory. */
  readonly open?: (config: ServerConfig, logger: Logger) => Promise<OpenedControlPlane>;
}

const EVERYBODY: Principal = { kind: "local", id: "local", orgId: DEFAULT_ORG, scopes: new Set(["admin"]) };

/** Opens the store, the control plane and the sockets. Throws when the configuration is unsafe or the port is taken. */
export async function startServer(config: ServerConfig, options: StartOptions = {}): Promise<RunningServer> {
  requireSafe(config);
  const logger = options.logger ?? createLogger(config.logLevel);
  await using cleanup = new AsyncDisposableStack();
  // The sockets come first: a taken port is told before anything is written.
  const listeners = await openListeners(config);
  cleanup.defer(() => listeners.close());
  const opened = await (options.open ?? openControlPlane)(config, logger);
  cleanup.defer(() => opened.close());
  opened.onFatal((error) => {
    logger.fatal({ err: error }, "the store has failed; nothing more can be recorded");
    options.onFatal?.(error);
  });
  const { controlPlane } = opened;
  const adminTokenFile = config.noAuth ? undefined : await ensureAdminToken(config.dataDir, controlPlane.tokens);
  const serving = await serve(config, controlPlane, listeners, logger);
  const urls = localNames(config, listeners.port).urls;
  if (config.noAuth) logger.warn("authentication is off: everybody on this machine is admin");
  logger.info({ urls, dataDir: config.dataDir, adminTokenFile }, "listening");
  const owned = cleanup.move();
  return {
    port: listeners.port,
    urls,
    controlPlane,
    ...(adminTokenFile === undefined ? {} : { adminTokenFile }),
    async [Symbol.asyncDispose]() {
      logger.info("stopping");
      await serving.stop();
      await owned.disposeAsync();
      logger.info("stopped");
    },
  };
}

/** Puts the faces on the sockets. */
async function serve(config: ServerConfig, controlPlane: ControlPlane, listeners: Listeners, logger: Logger) {
  const metrics = new HttpMetrics();
  const streams = new OpenStreams();
  const spans =
    config.otlpEndpoint === undefined ? undefined : (await import("./tracing.ts")).startTracing(config.otlpEndpoint);
  const rateLimit = new RateLimit({ now: () => performance.now() });
  const everybody = config.noAuth ? EVERYBODY : undefined;
  const trustedProxies = proxyList(config);
  let isStopping = false;
  const native = nativeFace(controlPlane);
  const faces = [
    native,
    nofxFace(controlPlane),
    runnerFace(controlPlane),
    operationsFace(controlPlane, metrics, () => isStopping),
  ];
  const mounted = createFaces([...faces, documentsFace(faces)], {
    checks: createLocalChecks(localNames(config, listeners.port)),
    authentication: new Authentication({ controlPlane, everybody, rateLimit, trustedProxies }),
    streams,
    readers: READER_SETTINGS,
    ids: createIdSource({ now: Date.now, fillRandom: randomFillSync }),
    observer: createObserver(logger, metrics, spans),
    isStopping: () => isStopping,
  });
  const listener = getRequestListener(mounted.app.fetch);
  const upgradePlugin: PluginUpgrade = (incoming, socket, head) =>
    controlPlane.pluginLink.handleUpgrade(incoming, socket, head, (stranger) =>
      rateLimit.take(clientAddress(stranger, trustedProxies)),
    );
  listeners.serve({
    request: (incoming, outgoing) => {
      if (!mounted.turnAway(incoming, outgoing)) void listener(incoming, outgoing);
    },
    upgrade: (incoming, socket, head) => {
      if (mounted.turnAwayUpgrade(incoming, socket)) return;
      const isTaken =
        !isStopping &&
        (controlPlane.link.handleUpgrade(incoming, socket, head) ||
          controlPlane.sessionSocket.handleUpgrade(incoming, socket, head, everybody) ||
          upgradePlugin(incoming, socket, head));
      if (!isTaken) socket.destroy();
    },
  });
  const plugins = await runPlugins(config, listeners.port, controlPlane, upgradePlugin);
  return {
    /** New work is refused from here on; what runs is let go in good order, streams last. */
    async stop(): Promise<void> {
      isStopping = true;
      const closed = listeners.close();
      await controlPlane.drain();
      await plugins?.close();
      streams.endAll();
      const timer = setTimeout(() => listeners.cut(), limit("shutdown.ms") / 6);
      await closed.finally(() => clearTimeout(timer));
      await spans?.close();
    },
  };
}
