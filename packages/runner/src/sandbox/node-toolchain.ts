import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ReadOnlyBind } from "./sandbox.ts";

/** What a step must see to run the runner's own Node. */
export interface NodeToolchain {
  readonly readOnlyBinds: readonly ReadOnlyBind[];
  /** To be put in front of PATH. */
  readonly binDirectory: string;
}

/**
 * Shows a Node outside /usr to a step: its whole installation where the folder is clearly one (it has Node's headers
 * or npm's modules), or else the program alone; the folder above a lone program may be somebody's home.
 */
export function nodeToolchain(execPath: string, exists: (path: string) => boolean = existsSync): NodeToolchain {
  const binDirectory = dirname(execPath);
  const prefix = dirname(binDirectory);
  if (execPath.startsWith("/usr/")) return { readOnlyBinds: [], binDirectory };

  const isInstallation = ["include/node", "lib/node_modules"].some((part) => exists(join(prefix, part)));
  return { readOnlyBinds: [{ source: isInstallation ? prefix : execPath }], binDirectory };
}
