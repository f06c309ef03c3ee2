import { readFile } from "node:fs/promises";
import { readFileSync } from "node:fs";

import type { TokenSource } from "./websocket/bus-socket.ts";

/** What a plugin's process is told by whoever starts it. */
export interface RegisterConfig {
  /** `SIGNALBOX_BUS_URL`. */
  readonly url: string;
  /** `SIGNALBOX_PLUGIN_TOKEN_FILE`, read anew for each connection, or `SIGNALBOX_PLUGIN_TOKEN`. */
  readonly token: TokenSource;
  /** `SIGNALBOX_PLUGIN_ID`: refuses other ids at once instead of when the connection stands. */
  readonly pluginId?: string;
}

/** Reads the configuration from the environment. Throws an Error that names what is missing, and when the file cannot be read. */
export function readRegisterConfig(env: NodeJS.ProcessEnv): RegisterConfig {
  const url = env["SIGNALBOX_BUS_URL"];
  if (!url) throw new Error("SIGNALBOX_BUS_URL is not set: it is where the bus of the server is");
  const pluginId = env["SIGNALBOX_PLUGIN_ID"];
  return { url, token: readToken(env), ...(pluginId ? { pluginId } : {}) };
}

function readToken(env: NodeJS.ProcessEnv): TokenSource {
  const file = env["SIGNALBOX_PLUGIN_TOKEN_FILE"];
  const token = env["SIGNALBOX_PLUGIN_TOKEN"];
  if (file) {
    // Now, so that a file that is not there is noticed at the start.
    checkToken(readFileSync(file, "utf8"), file);
    return async () => checkToken(await readFile(file, "utf8"), file);
  }
  if (token) return checkToken(token, "SIGNALBOX_PLUGIN_TOKEN");
  throw new Error(
    "neither SIGNALBOX_PLUGIN_TOKEN_FILE nor SIGNALBOX_PLUGIN_TOKEN is set: the plugin has no credential",
  );
}

/** What cannot stand in a header is no token; the value itself is not for messages. */
function checkToken(text: string, where: string): string {
  const token = text.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`${where} does not hold a token`);
  return token;
}
