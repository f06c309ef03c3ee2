import { describeRemoteTransport, describeTransport } from "./transport-contract.ts";
import { brokerWorld } from "./websocket-world.ts";

describeTransport("WebSocket", () => brokerWorld());
describeRemoteTransport("WebSocket", () => brokerWorld({ limits: { "outbox.messages": 100 } }));
