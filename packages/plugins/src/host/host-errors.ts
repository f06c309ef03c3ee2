import { PluginError } from "../errors.ts";
import { printableName } from "../printable.ts";

/** The host knows no plugin of this name. */
export class UnknownPluginError extends PluginError {
  override readonly name = "UnknownPluginError";

  constructor(pluginId: string) {
    super("PLUGIN_UNKNOWN", `there is no plugin ${printableName(pluginId)}`, { isRetryable: false });
  }
}

/** A plugin may not run with the manifest that it has now. Somebody has to approve this hash. */
export class PluginNotApprovedError extends PluginError {
  override readonly name = "PluginNotApprovedError";
  readonly pluginId: string;
  readonly manifestHash: string;

  constructor(pluginId: string, manifestHash: string) {
    super("PLUGIN_NOT_APPROVED", `plugin ${pluginId} is not approved with the manifest ${manifestHash}`, {
      isRetryable: false,
    });
    this.pluginId = pluginId;
    this.manifestHash = manifestHash;
  }
}

/** A plugin did not come up, or ended by itself. `cause` is what is known of the reason. */
export class PluginFailedError extends PluginError {
  override readonly name = "PluginFailedError";
  readonly pluginId: string;

  constructor(pluginId: string, what: string, options?: ErrorOptions) {
    super("PLUGIN_FAILED", `plugin ${pluginId} ${what}`, { ...options, isRetryable: true });
    this.pluginId = pluginId;
  }
}

/** A plugin is still there after it was killed. The host leaves it alone. */
export class PluginStuckError extends PluginError {
  override readonly name = "PluginStuckError";

  constructor(pluginId: string, killMs: number) {
    super("PLUGIN_FAILED", `plugin ${pluginId} is still there ${killMs} ms after it was killed`, {
      isRetryable: false,
    });
  }
}

/** A plugin was stopped while somebody waited for it to come up. */
export class PluginStoppedError extends PluginError {
  override readonly name = "PluginStoppedError";

  constructor(pluginId: string) {
    super("PLUGIN_STOPPED", `plugin ${pluginId} was stopped before it was ready`, { isRetryable: true });
  }
}

/** The host was disposed of. */
export class HostClosedError extends PluginError {
  override readonly name = "HostClosedError";

  constructor() {
    super("HOST_CLOSED", "the host of plugins is closed", { isRetryable: false });
  }
}
