import { getMessageBus, setDefaultTransport } from "../index.ts";
import { natsPermissions, natsTransport } from "./index.ts";

// What the README shows; compiled and run by test/readme.test.ts, so that it stays true.

export async function connectToNats(servers: string, password: string): Promise<void> {
  const transport = natsTransport({
    servers, // nats://nats.example:4222, or several
    prefix: "acme.bus",
    pluginId: "fastapi-backend",
    connection: { user: "fastapi-backend", pass: password }, // and tls, as the official client takes them
  });
  setDefaultTransport(transport);

  const bus = getMessageBus("fastapi-backend");
  await bus.publish({ topic: "plugin/fastapi-backend/status", payload: { status: "ready" } });

  await transport.close();
}

export function serverConfiguration(password: string): string {
  const permissions = natsPermissions(
    "fastapi-backend",
    { publish: ["orchestration/**"], subscribe: ["system/broadcast"], call: ["*"], serve: true },
    { prefix: "acme.bus" },
  );
  return JSON.stringify({ authorization: { users: [{ user: "fastapi-backend", password, permissions }] } });
}
