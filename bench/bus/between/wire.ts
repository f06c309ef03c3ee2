/** How two processes of this machine talk to each other. */
export type WireName =
  | "signalbox-websocket"
  | "signalbox-nats"
  | "birpc-ipc"
  | "birpc-websocket"
  | "birpc-port"
  | "nats";

/** What the caller's process is told. */
export interface BetweenTask {
  readonly wire: WireName;
  /** How many calls are on their way at any time. */
  readonly inFlight: number;
  readonly warmMs: number;
  readonly measureMs: number;
  /** The port of the nats-server. */
  readonly service?: number;
  /** For the responder's Node. */
  readonly nodeArgs: readonly string[];
}

/** What the responder's process is told. */
export type ResponderTask = Pick<BetweenTask, "wire" | "service">;

/** The end that calls. */
export interface Caller extends AsyncDisposable {
  /** Calls the method once. */
  readonly call: () => PromiseLike<unknown>;
}

/** The method that is called, everywhere the same. */
export const methods = {
  createEndpoint: async (_params: unknown): Promise<typeof RESULT> => RESULT,
};
export type Methods = typeof methods;

export const PARAMS = { path: "/api/users", method: "POST", database: "mongodb" };
const RESULT = { filePath: "/app/routes_api_users.py", schemaId: "schema_123" };
