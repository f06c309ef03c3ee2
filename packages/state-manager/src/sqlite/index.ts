export { openPluginState } from "./open-plugin-state.ts";
export { sqlitePersistence } from "./sqlite-persistence.ts";
