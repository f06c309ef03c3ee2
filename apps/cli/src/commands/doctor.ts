import type { Command } from "commander";

import type { Context } from "../context.ts";
import type { Finding } from "../doctor/check.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { localDataDirectory, localTokenFile } from "../local-server.ts";
import type { Act, GlobalOptions } from "../program.ts";
import { count } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

/** `signalbox doctor`: one line for each thing that must be right, and what to do where it is not. */
export function define(command: Command, act: Act): void {
  command
    .addHelpText("after", "\nExit codes: 0 all is well, perhaps with warnings; 1 something must be mended.")
    .action(act((context) => examine(context, command.optsWithGlobals())));
}

async function examine(context: Context, globals: GlobalOptions): Promise<void> {
  const { output } = context;
  const findings = await look(context, globals);
  const failed = findings.filter(({ state }) => state === "fail").length;
  output.result({ findings }, () => {
    for (const finding of findings) tell(context, finding);
    output.note(failed === 0 ? "this machine is fit to run Signalbox" : `${count(failed, "thing")} must be mended`);
  });
  context.exit(EXIT_CODES[failed === 0 ? "succeeded" : "failed"].code);
}

async function look(context: Context, globals: GlobalOptions): Promise<Finding[]> {
  const { checkDisk, checkFileMode, checkGit, checkNode, checkSandbox } = await import("../doctor/machine-checks.ts");
  const { checkServer } = await import("../doctor/server-checks.ts");
  const { environment } = context;
  const data = localDataDirectory(environment);
  const token = localTokenFile(environment);
  const isNamed = globals.server !== undefined || environment.serverUrl !== undefined;
  const groups = await Promise.all([
    Promise.resolve(checkNode(process.versions.node)),
    checkGit(),
    checkSandbox(process.platform),
    data === undefined ? Promise.resolve([]) : checkDisk(data),
    data === undefined ? Promise.resolve([]) : checkFileMode("data", data, 0o700),
    token === undefined ? Promise.resolve([]) : checkFileMode("token file", token, 0o600),
    checkServer(context, isNamed),
  ]);
  return groups.flat();
}

function tell({ output }: Context, { name, state, found, advice }: Finding): void {
  const { green, yellow, red, dim } = output.colors;
  const paint = { ok: green, warn: yellow, fail: red }[state];
  output.line(`${paint(state.padEnd(4))}  ${name.padEnd(10)}  ${remoteText(found)}`);
  if (advice !== undefined) output.line(dim(`                  ${remoteText(advice)}`));
}
