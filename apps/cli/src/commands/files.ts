import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { count, size } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

interface Options {
  readonly to?: string;
  readonly force?: true;
}

/** `signalbox files`: lists the workspace files of a run, prints one, or fetches them. */
export function define(command: Command, act: Act): void {
  command
    .argument("<run>", "its id")
    .argument("[path...]", "files to print; with --to, to fetch; none means all")
    .option("--to <folder>", "fetch the files into this folder")
    .option("-f, --force", "write over files that are there")
    .action(act(showFiles));
}

async function showFiles(context: Context, runId: string, paths: readonly string[], options: Options): Promise<void> {
  const client = await context.client();
  const { files } = await client.files.list(runId);
  if (options.to !== undefined) return await fetchFiles(context, runId, paths, options.to, options);
  if (paths.length > 0) return await printFiles(context, runId, paths);
  context.output.result({ runId, files }, () => {
    const rows = files.map((file) => [remoteText(file.path), size(file.bytes), file.type]);
    context.output.table(["PATH", "SIZE", "TYPE"], rows, "the workspace of this run holds no files");
  });
}

async function printFiles(context: Context, runId: string, paths: readonly string[]): Promise<void> {
  const { printContent } = await import("../downloads/print-content.ts");
  const client = await context.client();
  for (const path of paths) await printContent(context, { path }, await client.files.download(runId, path));
}

async function fetchFiles(
  context: Context,
  runId: string,
  paths: readonly string[],
  folder: string,
  { force }: Options,
): Promise<void> {
  const { saveContent } = await import("../downloads/save-content.ts");
  const client = await context.client();
  const { files } = await client.files.list(runId);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const wanted = paths.length === 0 ? [...byPath.keys()] : paths;
  const saved: string[] = [];
  for (const path of wanted) {
    const download = await client.files.download(runId, path);
    saved.push(
      await saveContent(download, {
        folder,
        path,
        cwd: context.cwd,
        sha256: byPath.get(path)?.sha256,
        isForced: force === true,
      }),
    );
  }
  context.output.result({ saved }, () => {
    for (const file of saved) context.output.line(remoteText(file));
    context.output.note(`${count(saved.length, "file")} fetched`);
  });
}
