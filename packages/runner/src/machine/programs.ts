import { nodeToolchain } from "../sandbox/node-toolchain.ts";
import { WORKSPACE_PATH, type ReadOnlyBind } from "../sandbox/sandbox.ts";
import { DEFAULT_PATH } from "../sandbox/step-environment.ts";

/** Where steps find programs: on this machine, and as they see it inside a sandbox. */
export interface Programs {
  readonly hostPath: string;
  readonly pathInside: string;
  readonly readOnlyBinds: readonly ReadOnlyBind[];
}

/** Where a toolchain is shown that lies where the workspace of a step is. */
const TOOLCHAIN_PATH = "/opt/signalbox-node";

/**
 * The folder of the runner's own Node, and then the system's or what the owner says. `readOnlyPaths` are shown where they
 * are; one inside the place of the workspace cannot be, and is left out.
 */
export function findPrograms(request: {
  readonly execPath: string;
  readonly path: string | undefined;
  readonly readOnlyPaths: readonly string[];
}): Programs {
  const { execPath, path = DEFAULT_PATH, readOnlyPaths } = request;
  const { binDirectory, readOnlyBinds } = nodeToolchain(execPath);
  const moved = readOnlyBinds.map(({ source }) =>
    isInWorkspacePlace(source) ? { source, target: placeFor(source, execPath) } : { source },
  );
  const [toolchain] = moved;
  const isMoved = toolchain?.target !== undefined;
  const shown = readOnlyPaths.filter((source) => !isInWorkspacePlace(source)).map((source) => ({ source }));
  return {
    hostPath: `${binDirectory}:${path}`,
    pathInside: `${isMoved ? `${TOOLCHAIN_PATH}/bin` : binDirectory}:${path}`,
    readOnlyBinds: [...moved, ...shown],
  };
}

function isInWorkspacePlace(path: string): boolean {
  return `${path}/`.startsWith(`${WORKSPACE_PATH}/`);
}

/** A lone program keeps its `bin` above it. */
function placeFor(source: string, execPath: string): string {
  return source === execPath ? `${TOOLCHAIN_PATH}/bin/node` : TOOLCHAIN_PATH;
}
