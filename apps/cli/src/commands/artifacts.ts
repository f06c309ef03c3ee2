import type { Artifact } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Act } from "../program.ts";
import { count, size } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

interface Options {
  readonly to?: string;
  readonly force?: true;
}

/** `signalbox artifacts`: lists what a run kept, prints one of them, or fetches them. */
export function define(command: Command, act: Act): void {
  command
    .argument("<id>", "a run, or an artifact")
    .option("--to <folder>", "fetch into this folder")
    .option("-f, --force", "write over files that are there")
    .addHelpText(
      "after",
      "\nA run's id lists its artifacts; an artifact's id prints its content. With --to they are fetched instead.",
    )
    .action(act(showArtifacts));
}

async function showArtifacts(context: Context, id: string, options: Options): Promise<void> {
  const { output } = context;
  const client = await context.client();
  const isArtifact = id.startsWith("art_");
  const artifacts = isArtifact ? [await client.artifacts.get(id)] : (await client.runs.get(id)).artifacts;
  if (options.to !== undefined) return await fetchAll(context, artifacts, options.to, options);
  const [artifact] = artifacts;
  if (isArtifact && artifact) {
    const { printContent } = await import("../downloads/print-content.ts");
    return await printContent(context, artifact, await client.artifacts.download(id));
  }
  output.result({ items: artifacts }, ({ items }) => {
    const rows = items.map((one) => [one.id, one.type, size(one.bytes), remoteText(one.step), remoteText(one.path)]);
    output.table(["ARTIFACT", "TYPE", "SIZE", "STEP", "PATH"], rows, "this run kept no artifacts");
  });
}

async function fetchAll(
  context: Context,
  artifacts: readonly Artifact[],
  folder: string,
  { force }: Options,
): Promise<void> {
  const { saveContent } = await import("../downloads/save-content.ts");
  const client = await context.client();
  const saved: string[] = [];
  for (const { id, path, sha256 } of artifacts) {
    const download = await client.artifacts.download(id);
    saved.push(await saveContent(download, { folder, path, cwd: context.cwd, sha256, isForced: force === true }));
  }
  context.output.result({ saved }, () => {
    for (const file of saved) context.output.line(remoteText(file));
    context.output.note(`${count(saved.length, "artifact")} fetched`);
  });
}
