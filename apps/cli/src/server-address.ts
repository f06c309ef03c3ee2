import { usageError } from "./errors.ts";
import type { CliEnvironment } from "./config.ts";
import { isLoopback, readLocalToken } from "./local-server.ts";
import type { GlobalOptions } from "./program.ts";

/** Where the server is, and what to be known by there. */
export interface ServerAddress {
  readonly url: string;
  token(): Promise<string | undefined>;
}

/** What was asked for on the command line, else in the environment, else this machine. */
export function resolveServer(globals: GlobalOptions, environment: CliEnvironment): ServerAddress {
  const local = `http://127.0.0.1:${environment.variables["SIGNALBOX_PORT"] || "3000"}`;
  const text = globals.server ?? environment.serverUrl ?? local;
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  const isUsable =
    url !== null &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.username === "" &&
    url.password === "";
  if (!isUsable) throw usageError(`"${text}" is no address of a server`, "an address looks like http://127.0.0.1:3000");
  return {
    url: url.href.replace(/\/+$/, ""),
    async token() {
      const given = globals.token ?? environment.token;
      if (given !== undefined) return given;
      // The local token opens this machine's server only; it is not for others to see.
      return isLoopback(url.hostname) ? await readLocalToken(environment) : undefined;
    },
  };
}
