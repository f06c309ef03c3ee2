import { WORKSPACE_PATH, type ReadOnlyBind } from "../sandbox/sandbox.ts";

/** Where a sandbox shows what stands where its workspace is. */
const MOVED_PATH = "/run/signalbox-agent";

/** Folders of this machine as a sandbox shows them: where they are, unless the workspace is there. Pure. */
export function showFolders(folders: readonly string[]): ReadOnlyBind[] {
  return folders.map((source) => {
    const isCovered = `${source}/`.startsWith(`${WORKSPACE_PATH}/`);
    return isCovered ? { source, target: `${MOVED_PATH}${source.slice(WORKSPACE_PATH.length)}` } : { source };
  });
}

/** A command line with every path that is shown elsewhere spelled as it is seen inside. Pure. */
export function spellInside(argv: readonly string[], binds: readonly ReadOnlyBind[]): string[] {
  return argv.map((word) => {
    const bind = binds.find(({ source, target }) => target !== undefined && `${word}/`.startsWith(`${source}/`));
    return bind?.target === undefined ? word : bind.target + word.slice(bind.source.length);
  });
}
