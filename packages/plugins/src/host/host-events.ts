import type { LoadedPlugin } from "../manifest/load-manifest.ts";
import type { ManifestError } from "../manifest/manifest-error.ts";

/** What a host tells. Each is a fact that has happened; what a listener throws is a process warning and nothing more. */
export interface HostEvents {
  /** A folder holds a plugin that was not known, or one that changed. */
  readonly discovered: {
    readonly pluginId: string;
    readonly folder: string;
    readonly manifestHash: string;
    /** As it lies there now, which one that runs does not run with yet. */
    readonly plugin: LoadedPlugin;
  };
  /** A folder holds a manifest that cannot be used. */
  readonly broken: { readonly folder: string; readonly error: ManifestError };
  /** A plugin may not run with the manifest that it has. */
  readonly unapproved: { readonly pluginId: string; readonly manifestHash: string };
  /** A plugin was started; whether it comes up is not known yet. */
  readonly started: { readonly pluginId: string; readonly pid?: number | undefined };
  /** A plugin is ready for requests. */
  readonly ready: { readonly pluginId: string; readonly tookMs: number };
  /** A plugin was stopped and has ended. */
  readonly stopped: { readonly pluginId: string };
  /** A plugin crashed, or did not come up. `retryInMs` is when it is started again; absent: it is not. */
  readonly failed: { readonly pluginId: string; readonly error: Error; readonly retryInMs?: number | undefined };
}
