import { isMainThread } from "node:worker_threads";

import { setDefaultTransport } from "./bus-registry.ts";
import { NotAdmittedError, type BusError } from "./errors.ts";
import { busLimits } from "./limits.ts";
import { readRegisterConfig } from "./register-config.ts";
import type { Transport } from "./transport.ts";
import { websocketTransport } from "./websocket/websocket-transport.ts";

// For `node --import @signalbox/messagebus/register plugin.js`: the plugin's own code says getMessageBus and knows nothing of
// servers. The connection is made when the plugin takes its bus, and keeps the process alive from then on.

setDefaultTransport(isMainThread ? connect() : refuseThreads());

function connect(): Transport {
  const transport = websocketTransport(readRegisterConfig(process.env));
  transport.on("closed", warn);
  transport.on("warning", (error) => process.emitWarning(error.message, { type: WARNING }));
  return transport;
}

/** A thread's connection would take the place of the plugin's: one plugin is one connection. */
function refuseThreads(): Transport {
  return {
    limits: busLimits(),
    join() {
      throw new NotAdmittedError(
        "the bus of the server is reached from the main thread of a plugin, not from a worker",
      );
    },
    async close() {},
  };
}

function warn({ code, message }: BusError): void {
  process.emitWarning(message, { type: WARNING, code });
}

const WARNING = "SignalboxBusWarning";
