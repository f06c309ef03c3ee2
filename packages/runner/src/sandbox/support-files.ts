import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Small files of the runner's that stand in for the machine's own inside a sandbox. */
export interface SupportFiles {
  /** An empty file, shown where a protected one is absent. */
  readonly empty: string;
  /** An account named `agent` and the loopback's names: many programs refuse to run as a user without a name. */
  readonly etc: readonly { readonly source: string; readonly target: string }[];
}

/** Writes them into a folder, which is made if need be and must be the runner's own. */
export async function writeSupportFiles(directory: string): Promise<SupportFiles> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, text, { mode: 0o644 });
    return path;
  };
  const etc = Object.entries(ETC).map(async ([name, text]) => ({
    source: await write(name, text),
    target: `/etc/${name}`,
  }));
  return { empty: await write("empty", ""), etc: await Promise.all(etc) };
}

const ETC = {
  passwd: "agent:x:1000:1000:agent:/home/agent:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  group: "agent:x:1000:\nnogroup:x:65534:\n",
  hosts: "127.0.0.1 localhost sandbox\n::1 localhost\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
};
