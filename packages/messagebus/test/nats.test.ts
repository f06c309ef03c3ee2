import { describe } from "vitest";

import { natsServerProgram } from "./nats-server.ts";
import { natsWorld } from "./nats-world.ts";
import { describeRemoteTransport, describeTransport } from "./transport-contract.ts";

describe.skipIf(natsServerProgram === undefined)("with a real nats-server", () => {
  describeTransport("NATS", () => natsWorld());
  describeRemoteTransport("NATS", () => natsWorld({ limits: { "outbox.messages": 100 } }));
});
