import type { Project, PutProjectRequest, SelfApproval } from "@signalbox/protocol";
import { Option, type Command } from "commander";

import { readSecret } from "../ask.ts";
import type { Context } from "../context.ts";
import { CommandError, usageError } from "../errors.ts";
import type { Act } from "../program.ts";
import { remoteText } from "../text/remote-text.ts";

/** Those of the protocol; they stand here too so that `--help` loads nothing. */
const SELF_APPROVAL = ["allowed", "refused"] satisfies SelfApproval[];

/** `signalbox projects`: working areas and their settings. */
export function define(command: Command, act: Act): void {
  command.action(act(listProjects));
  command.command("show").argument("<project>", "its id").description("show a project").action(act(showProject));
  command
    .command("set")
    .argument("<project>", "its id; a project that is not there is made")
    .description("change a project; what is not named stays as it is")
    .option("--name <text>", "what to call it")
    .option("-r, --repo <path|url>", "the repository of its runs")
    .option("-b, --branch <name>", "with --repo: the branch to begin from")
    .option("--no-repo", "without a repository")
    .option("--env <NAME=value...>", "entries that steps may see when they ask for them; not for secrets")
    .option("--unset-env <NAME...>", "entries to remove")
    .option("--command <tool=shell...>", "what a tool runs here, such as deploy:production=./deploy.sh")
    .option("--unset-command <tool...>", "tools whose command to remove")
    .addOption(
      new Option("--self-approval <rule>", "whether who asked for something may say yes to it").choices(SELF_APPROVAL),
    )
    .option("--approver <token...>", "ids of the tokens that may decide; those named before are not any more")
    .option("--any-approver", "whoever has the scope gates:decide may decide")
    .action(act(setProject));
  command
    .command("secret")
    .argument("<project>", "its id")
    .argument("<scope>", "the scope that steps name")
    .argument("<NAME>", "the environment entry that they get")
    .description("keep a secret; its value comes from stdin, and never back")
    .option("--delete", "forget it instead")
    .action(act(setSecret));
}

async function listProjects({ client, output }: Context): Promise<void> {
  const page = await (await client()).projects.list({ pageSize: 200 });
  output.result(page, ({ items }) => {
    const rows = items.map((project) => [
      remoteText(project.id),
      remoteText(project.name),
      remoteText(project.repo?.url ?? ""),
      Object.keys(project.commands).map(remoteText).join(","),
    ]);
    output.table(["PROJECT", "NAME", "REPOSITORY", "COMMANDS"], rows, "no projects; the first run makes `default`");
  });
}

async function showProject(context: Context, projectId: string): Promise<void> {
  const project = await (await context.client()).projects.get(projectId);
  context.output.result(project, () => render(context, project));
}

interface SetOptions {
  readonly name?: string;
  readonly repo?: string | false;
  readonly branch?: string;
  readonly env?: readonly string[];
  readonly unsetEnv?: readonly string[];
  readonly command?: readonly string[];
  readonly unsetCommand?: readonly string[];
  readonly selfApproval?: SelfApproval;
  readonly approver?: readonly string[];
  readonly anyApprover?: true;
}

async function setProject(context: Context, projectId: string, options: SetOptions): Promise<void> {
  const client = await context.client();
  const request: PutProjectRequest = {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(await readRepo(context, options)),
    ...(await readMaps(context, projectId, options)),
    ...readApprovals(options),
  };
  if (Object.keys(request).length === 0)
    throw usageError("nothing to set", "`signalbox projects set --help` shows what can be");
  const project = await client.projects.put(projectId, request);
  context.output.result(project, () => render(context, project));
}

async function readRepo({ cwd }: Context, { repo, branch }: SetOptions): Promise<Pick<PutProjectRequest, "repo">> {
  if (repo === false) return { repo: null };
  if (repo === undefined && branch !== undefined) throw usageError("--branch goes with --repo only");
  if (repo === undefined) return {};
  const { readRepository } = await import("../repo-argument.ts");
  return { repo: await readRepository(repo, branch, cwd) };
}

function readApprovals({ selfApproval, approver, anyApprover }: SetOptions): Pick<PutProjectRequest, "approvals"> {
  if (anyApprover && approver) throw usageError("--any-approver and --approver exclude each other");
  const approvers = anyApprover ? [] : approver;
  if (selfApproval === undefined && approvers === undefined) return {};
  const change = selfApproval === undefined ? {} : { selfApproval };
  return { approvals: approvers === undefined ? change : { ...change, approvers: [...approvers] } };
}

/** Maps are replaced whole by the server, so a change of one entry begins with what is there. */
async function readMaps(
  { client }: Context,
  projectId: string,
  options: SetOptions,
): Promise<Pick<PutProjectRequest, "env" | "commands">> {
  const isEnvChanged = options.env !== undefined || options.unsetEnv !== undefined;
  const areCommandsChanged = options.command !== undefined || options.unsetCommand !== undefined;
  if (!isEnvChanged && !areCommandsChanged) return {};
  const before = await (await client()).projects.get(projectId).catch(ifNotThere);
  const env = { ...before?.env, ...pairs(options.env, "--env takes NAME=value") };
  for (const name of options.unsetEnv ?? []) delete env[name];
  const commands = { ...before?.commands };
  for (const [tool, shell] of Object.entries(pairs(options.command, "--command takes tool=shell")))
    commands[tool] = { shell };
  for (const tool of options.unsetCommand ?? []) delete commands[tool];
  return { ...(isEnvChanged ? { env } : {}), ...(areCommandsChanged ? { commands } : {}) };
}

function ifNotThere(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "PROJECT_NOT_FOUND") return undefined;
  throw error;
}

function pairs(texts: readonly string[] | undefined, rule: string): Record<string, string> {
  return Object.fromEntries(
    (texts ?? []).map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw usageError(`${rule}; got "${text}"`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

async function setSecret(
  context: Context,
  projectId: string,
  scope: string,
  name: string,
  options: { delete?: true },
): Promise<void> {
  const { output } = context;
  const client = await context.client();
  if (options.delete) {
    const gone = await client.projects.deleteSecret(projectId, { scope, name });
    return output.result(gone, () => output.line(`secret ${name} of scope ${scope} is forgotten`));
  }
  const value = await readSecret(context, `value of ${name}: `);
  if (value === "") throw new CommandError("a secret cannot be empty", { exit: "usage", code: "USAGE" });
  const kept = await client.projects.putSecret(projectId, { scope, name }, value);
  output.result(kept, () => output.line(`secret ${name} of scope ${scope} is kept`));
}

function render({ output }: Context, project: Project): void {
  const { dim } = output.colors;
  output.line(`${dim("project     ")}${remoteText(project.id)}`);
  output.line(`${dim("name        ")}${remoteText(project.name)}`);
  if (project.repo)
    output.line(
      `${dim("repository  ")}${remoteText(`${project.repo.url}${project.repo.branch === undefined ? "" : ` (${project.repo.branch})`}`)}`,
    );
  for (const [name, value] of Object.entries(project.env))
    output.line(`${dim("env         ")}${remoteText(`${name}=${value}`)}`);
  for (const [tool, { argv, shell }] of Object.entries(project.commands))
    output.line(`${dim("command     ")}${remoteText(`${tool} = ${shell ?? argv?.join(" ") ?? ""}`)}`);
  output.line(`${dim("approvals   ")}${remoteText(approvalsOf(project))}`);
  for (const [scope, names] of Object.entries(project.secrets))
    output.line(`${dim("secrets     ")}${remoteText(`${scope}: ${names.join(", ")}`)}`);
}

function approvalsOf({ approvals: { approvers, selfApproval } }: Project): string {
  const by = approvers.length === 0 ? "whoever may decide" : approvers.join(", ");
  return `by ${by}${selfApproval === "refused" ? ", but not by who asked for it" : ""}`;
}
