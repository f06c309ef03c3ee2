import { randomFillSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import { getRequestListener } from "@hono/node-server";
import type { ControlPlane } from "@signalbox/control-plane";
import { createIdSource, SCOPES, type Principal } from "@signalbox/protocol";

import { Authentication } from "../../src/boundary/authentication.ts";
import { createLocalChecks } from "../../src/boundary/local-checks.ts";
import { RateLimit } from "../../src/boundary/rate-limit.ts";
import { READER_SETTINGS, type ReaderSettings } from "../../src/event-stream.ts";
import { createFaces, type Faces } from "../../src/faces.ts";
import { documentsFace } from "../../src/documents/index.ts";
import { nativeFace } from "../../src/native/index.ts";
import { nofxFace } from "../../src/nofx/index.ts";
import { runnerFace } from "../../src/runner-protocol/index.ts";
import type { Face } from "../../src/route.ts";
import type { Answered } from "../../src/serving/observer.ts";
import { OpenStreams } from "../../src/serving/open-streams.ts";

export interface ServedFaces extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly faces: Faces;
  readonly streams: OpenStreams;
  /** The connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  readonly answered: Answered[];
  readonly bugs: unknown[];
  isStopping: boolean;
}

/** The faces of a whole server. */
export function allFaces(controlPlane: ControlPlane): readonly Face[] {
  const faces = [nativeFace(controlPlane), nofxFace(controlPlane), runnerFace(controlPlane)];
  return [...faces, documentsFace(faces)];
}

const EVERYBODY: Principal = { kind: "local", id: "local", orgId: "default", scopes: new Set(SCOPES) };

/** Faces on a real socket of a free port. With `auth: "none"` everybody is the local admin. */
export async function serveFaces(
  controlPlane: ControlPlane,
  options: {
    faces?: readonly Face[];
    auth?: "token" | "none";
    readers?: Partial<ReaderSettings>;
    streamsPerPrincipal?: number;
    perSecond?: number;
    /** The time by which callers are slowed down, in milliseconds. */
    now?: () => number;
  } = {},
): Promise<ServedFaces> {
  const server = createServer({ requireHostHeader: false });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const { port } = server.address() as AddressInfo;
  const answered: Answered[] = [];
  const bugs: unknown[] = [];
  const streams = new OpenStreams(options.streamsPerPrincipal);
  const state = { isStopping: false };
  const rateLimit = new RateLimit({
    perSecond: options.perSecond ?? 1e9,
    now: options.now ?? (() => performance.now()),
  });
  const mounted = createFaces(options.faces ?? allFaces(controlPlane), {
    checks: createLocalChecks({
      hosts: [`localhost:${port}`, `127.0.0.1:${port}`],
      origins: [`http://localhost:${port}`, `http://127.0.0.1:${port}`],
    }),
    authentication: new Authentication({
      controlPlane,
      rateLimit,
      everybody: options.auth === "token" ? undefined : EVERYBODY,
    }),
    streams,
    readers: { ...READER_SETTINGS, ...options.readers },
    ids: createIdSource({ now: Date.now, fillRandom: randomFillSync }),
    observer: { answered: (record) => answered.push(record), failed: (error) => bugs.push(error) },
    isStopping: () => state.isStopping,
  });
  const listener = getRequestListener(mounted.app.fetch);
  server.on("request", (incoming, outgoing) => {
    if (!mounted.turnAway(incoming, outgoing)) void listener(incoming, outgoing);
  });
  server.on("upgrade", (incoming, socket, head) => {
    if (!mounted.turnAwayUpgrade(incoming, socket)) controlPlane.link.handleUpgrade(incoming, socket, head);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    faces: mounted,
    streams,
    sockets,
    answered,
    bugs,
    get isStopping() {
      return state.isStopping;
    },
    set isStopping(value) {
      state.isStopping = value;
    },
    async [Symbol.asyncDispose]() {
      streams.endAll();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
