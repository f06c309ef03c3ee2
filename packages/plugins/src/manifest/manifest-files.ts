/** Where the manifest lies in a plugin's folder. */
export const MANIFEST_FILE = ".claude-plugin/plugin.json";

/** Where the overrides of `routing` lie in a plugin's folder, if there are any. */
export const ROUTING_CONFIG_FILE = ".claude-plugin/routing-config.json";
