export { ADMIN_TOKEN_FILE } from "./admin-token.ts";
export { ConfigError, readServerConfig, type ServerConfig } from "./config.ts";
export type { OpenedControlPlane } from "./open-control-plane.ts";
export { startServer, type RunningServer, type StartOptions } from "./server.ts";
