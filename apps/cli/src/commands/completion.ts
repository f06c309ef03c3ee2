import { Argument, type Command } from "commander";

import { COMMANDS } from "../command-list.ts";
import type { Context } from "../context.ts";
import type { Act } from "../program.ts";

type Shell = "bash" | "zsh" | "fish";

/** `signalbox completion`: a script for a shell that completes the names of commands. */
export function define(command: Command, act: Act): void {
  command
    .addArgument(new Argument("<shell>", "which shell").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      "\nFor this session: source <(signalbox completion bash), or signalbox completion fish | source",
    )
    .action(act(printScript));
}

async function printScript({ output }: Context, shell: Shell): Promise<void> {
  output.line(SCRIPTS[shell]());
}

const names = Object.keys(COMMANDS).join(" ");

const SCRIPTS: Readonly<Record<Shell, () => string>> = {
  bash: () => `complete -W "${names}" -o default signalbox`,
  zsh: () =>
    `#compdef signalbox\n_signalbox() { (( CURRENT == 2 )) && compadd ${names} || _files }\ncompdef _signalbox signalbox`,
  fish: () =>
    Object.entries(COMMANDS)
      .map(([name, { summary }]) => `complete -c signalbox -n __fish_use_subcommand -a ${name} -d "${summary}"`)
      .join("\n"),
};
