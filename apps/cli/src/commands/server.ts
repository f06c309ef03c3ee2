import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { defineServerOptions, startLocalServer, type ServerOptions } from "../local/start-local-server.ts";

/** `signalbox server`: the server alone; its runners come from elsewhere. */
export function define(command: Command, act: Act): void {
  defineServerOptions(command).action(act(serve));
}

async function serve(context: Context, options: ServerOptions): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  using _ = context.interrupts.on(() => stopped.resolve());
  await using server = await startLocalServer(context, options);
  context.output.result({ urls: server.urls, tokenFile: server.adminTokenFile }, () => {
    context.output.line(`serving at ${server.urls[0] ?? ""}`);
    if (server.adminTokenFile !== undefined)
      context.output.note(`the token of this machine is in ${server.adminTokenFile}`);
  });
  await stopped.promise;
  context.output.note("stopping");
}
