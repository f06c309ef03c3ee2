import { InvalidEndpointError, InvalidPluginIdError } from "./errors.ts";
import { shown } from "./shown.ts";

/** The id of the host of the plugins; only `getSystemBus` has it. */
export const SYSTEM_ID = "system";
/** The id as which an RPCClient without a bus calls. */
export const ANONYMOUS_ID = "anonymous";

const PLUGIN_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const ENDPOINT = /^plugin:\/\/([^/]*)\/rpc$/;

/** Refuses with an InvalidPluginIdError what is not a plugin's id: one level of 1 to 64 letters, digits, `_` or `-`. */
export function checkPluginId(id: unknown): asserts id is string {
  if (typeof id === "string" && PLUGIN_ID.test(id)) return;
  throw new InvalidPluginIdError(`${shown(id)} is not a plugin id: 1 to 64 letters, digits, _ or -, not _ or - first`);
}

/** The plugin that an endpoint `plugin://<id>/rpc` belongs to. Refuses others with an InvalidEndpointError. */
export function pluginOfEndpoint(endpoint: unknown): string {
  const id = typeof endpoint === "string" ? ENDPOINT.exec(endpoint)?.[1] : undefined;
  if (id !== undefined && PLUGIN_ID.test(id)) return id;
  throw new InvalidEndpointError(`${shown(endpoint)} is not an endpoint of the form plugin://<plugin id>/rpc`);
}
