import { agentsCacheDir, isInstallError } from "@signalbox/agents/install";
import { limit, ProviderIdSchema } from "@signalbox/protocol";
import {
  GitAccessSettingsSchema,
  PublishSettingsSchema,
  RunnerPolicySchema,
  type GitAccessSettingsInput,
  type PublishSettingsInput,
  type RunnerConfig,
  type RunnerPolicyInput,
} from "@signalbox/runner";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parse as parseYaml } from "yaml";
import * as z from "zod";

import { agentHomesDir } from "./agents/agent-homes.ts";
import type { AgentsSettings } from "./agents/open-agent-catalog.ts";
import { readAgentsFile } from "./agents/read-agents-file.ts";
import { ConfigError } from "./config-error.ts";

/** What this process is told, beside what the runner is. */
export interface RunnerAppConfig {
  readonly runner: Omit<RunnerConfig, "logger" | "agents">;
  readonly agents: AgentsSettings;
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  /** Where `/healthz` answers, on the loopback address. Absent: nowhere. */
  readonly healthPort?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const yes = z
  .enum(["1", "true", "yes", "0", "false", "no"], "must be true or false")
  .transform((text) => ["1", "true", "yes"].includes(text));
const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean),
);
const whole = z
  .string()
  .regex(/^\d{1,9}$/, "must be a whole number")
  .transform(Number);
const labels = list
  .pipe(z.array(z.string().regex(/^[^=]+=.*$/, "must be name=value, separated by commas")))
  .transform((entries) =>
    Object.fromEntries(
      entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
    ),
  );

const EnvironmentSchema = z.object({
  SIGNALBOX_URL: z
    .url({ protocol: /^https?$/, error: "must be the http(s) URL of the server" })
    .default("http://localhost:3000"),
  SIGNALBOX_ENROLMENT_TOKEN: z.string().min(1).optional(),
  SIGNALBOX_ENROLMENT_TOKEN_FILE: z.string().min(1).optional(),
  SIGNALBOX_RUNNER_DATA_DIR: z
    .string()
    .min(1)
    .default(() => join(homedir(), ".signalbox", "runner")),
  SIGNALBOX_RUNNER_SLOTS: whole.pipe(z.int().min(1).max(limit("runner.slotsMax"))).default(limit("runner.slots")),
  SIGNALBOX_RUNNER_LABELS: labels.default({}),
  SIGNALBOX_RUNNER_POLICY_FILE: z.string().min(1).optional(),
  SIGNALBOX_RUNNER_PUBLISH_FILE: z.string().min(1).optional(),
  SIGNALBOX_RUNNER_GIT_FILE: z.string().min(1).optional(),
  SIGNALBOX_RUNNER_ALLOW_FILE_REPOS: yes.default(false),
  SIGNALBOX_RUNNER_SANDBOX: z.enum(["auto", "required", "none"], "must be auto, required or none").default("auto"),
  SIGNALBOX_RUNNER_PATH: z.string().min(1).optional(),
  SIGNALBOX_RUNNER_READ_ONLY_PATHS: list.default([]),
  SIGNALBOX_AGENTS: z.enum(["auto", "listed"], "must be auto or listed").default("listed"),
  SIGNALBOX_AGENTS_FILE: z.string().min(1).optional(),
  SIGNALBOX_CODEGEN_PROVIDER: ProviderIdSchema.optional(),
  SIGNALBOX_AGENT_HOMES_DIR: z.string().min(1).optional(),
  SIGNALBOX_RUNNER_CGROUP: z.string().min(1).optional(),
  SIGNALBOX_RUNNER_HEALTH_PORT: whole.pipe(z.int().min(0).max(65_535)).optional(),
  SIGNALBOX_LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
});

/** Arguments, each of which stands for a variable. */
const ARGUMENTS = {
  server: "SIGNALBOX_URL",
  "token-file": "SIGNALBOX_ENROLMENT_TOKEN_FILE",
  "data-dir": "SIGNALBOX_RUNNER_DATA_DIR",
  slots: "SIGNALBOX_RUNNER_SLOTS",
  labels: "SIGNALBOX_RUNNER_LABELS",
  policy: "SIGNALBOX_RUNNER_POLICY_FILE",
  publish: "SIGNALBOX_RUNNER_PUBLISH_FILE",
  git: "SIGNALBOX_RUNNER_GIT_FILE",
  "allow-file-repos": "SIGNALBOX_RUNNER_ALLOW_FILE_REPOS",
  sandbox: "SIGNALBOX_RUNNER_SANDBOX",
  agents: "SIGNALBOX_AGENTS",
  "agents-file": "SIGNALBOX_AGENTS_FILE",
  "codegen-provider": "SIGNALBOX_CODEGEN_PROVIDER",
  "health-port": "SIGNALBOX_RUNNER_HEALTH_PORT",
  "log-level": "SIGNALBOX_LOG_LEVEL",
} as const satisfies Record<string, keyof z.input<typeof EnvironmentSchema>>;

/** Reads the configuration; arguments win over the environment. Throws a `ConfigError`. */
export function readRunnerConfig(
  args: readonly string[] = process.argv.slice(2),
  environment: Environment = process.env,
): RunnerAppConfig {
  const given = EnvironmentSchema.safeParse({ ...withoutEmpty(environment), ...readArguments(args) });
  if (!given.success) throw new ConfigError(explain(given.error));
  const values = given.data;
  const token = values.SIGNALBOX_ENROLMENT_TOKEN_FILE
    ? readText(values.SIGNALBOX_ENROLMENT_TOKEN_FILE).trim()
    : values.SIGNALBOX_ENROLMENT_TOKEN;
  const policy = readPolicy(values.SIGNALBOX_RUNNER_POLICY_FILE, values.SIGNALBOX_RUNNER_ALLOW_FILE_REPOS);
  const dataDir = resolve(values.SIGNALBOX_RUNNER_DATA_DIR);
  return {
    agents: {
      offered: readOffered(values.SIGNALBOX_AGENTS_FILE, dataDir),
      isAuto: values.SIGNALBOX_AGENTS === "auto",
      installedDir: readInstalledDir(environment),
      homesDir: agentHomesDir(withoutEmpty(environment)),
    },
    runner: {
      serverUrl: values.SIGNALBOX_URL,
      dataDir,
      enrolmentToken: token,
      slots: values.SIGNALBOX_RUNNER_SLOTS,
      labels: values.SIGNALBOX_RUNNER_LABELS,
      policy,
      publish: readPublish(values.SIGNALBOX_RUNNER_PUBLISH_FILE),
      git: readGitAccess(values.SIGNALBOX_RUNNER_GIT_FILE),
      sandbox: values.SIGNALBOX_RUNNER_SANDBOX,
      // The runner's own settings, its token first of all, are nobody's but its own.
      hostEnvironment: Object.fromEntries(
        Object.entries(environment).filter(([name]) => !name.startsWith("SIGNALBOX_")),
      ),
      path: values.SIGNALBOX_RUNNER_PATH,
      readOnlyPaths: values.SIGNALBOX_RUNNER_READ_ONLY_PATHS,
      cgroupParent: values.SIGNALBOX_RUNNER_CGROUP,
      codegenProvider: values.SIGNALBOX_CODEGEN_PROVIDER,
    },
    logLevel: values.SIGNALBOX_LOG_LEVEL,
    ...(values.SIGNALBOX_RUNNER_HEALTH_PORT === undefined ? {} : { healthPort: values.SIGNALBOX_RUNNER_HEALTH_PORT }),
  };
}

function readArguments(args: readonly string[]): Record<string, string> {
  const options = Object.fromEntries(
    Object.keys(ARGUMENTS).map((name) => [
      name,
      { type: name === "allow-file-repos" ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  try {
    const { values } = parseArgs({ args: [...args], options });
    return Object.fromEntries(
      Object.entries(ARGUMENTS).flatMap(([name, variable]) =>
        values[name] === undefined ? [] : [[variable, String(values[name])]],
      ),
    );
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error));
  }
}

/** A file that is named must be there; the one in the data folder need not. */
function readOffered(named: string | undefined, dataDir: string): AgentsSettings["offered"] {
  const offered = readAgentsFile(named === undefined ? join(dataDir, "agents.json") : resolve(named));
  if (named !== undefined && !offered) throw new ConfigError(`cannot read ${named}: there is no such file`);
  return offered ?? new Map();
}

function readInstalledDir(environment: Environment): string {
  try {
    return agentsCacheDir(environment);
  } catch (error) {
    if (!isInstallError(error)) throw error;
    throw new ConfigError(error.message, { cause: error });
  }
}

function readPolicy(file: string | undefined, allowFileRepositories: boolean): RunnerPolicyInput {
  const content: unknown = file === undefined ? {} : (parsePolicy(readText(file), file) ?? {});
  const policy = RunnerPolicySchema.safeParse(content);
  if (!policy.success) throw new ConfigError(`the policy ${file} cannot be used: ${explain(policy.error)}`);
  return { ...policy.data, allowFileRepositories: policy.data.allowFileRepositories || allowFileRepositories };
}

/** What may be published, and as whom; nothing without the file. Its own paths are relative to it. */
function readPublish(file: string | undefined): PublishSettingsInput | undefined {
  if (file === undefined) return undefined;
  const publish = PublishSettingsSchema.safeParse(parsePolicy(readText(file), file) ?? {});
  if (!publish.success) throw new ConfigError(`${file} cannot be used: ${explain(publish.error)}`);
  const { github, ...rest } = publish.data;
  if (!github) return rest;
  return { ...rest, github: { ...github, tokenFile: resolve(dirname(file), github.tokenFile) } };
}

/** How git reaches private repositories. Paths in the file are relative to it. */
function readGitAccess(file: string | undefined): GitAccessSettingsInput | undefined {
  if (file === undefined) return undefined;
  const access = GitAccessSettingsSchema.safeParse(parsePolicy(readText(file), file) ?? {});
  if (!access.success) throw new ConfigError(`${file} cannot be used: ${explain(access.error)}`);
  const at = (path: string): string => resolve(dirname(file), path);
  const { credentials, caFile, ssh } = access.data;
  return {
    credentials: credentials.map((entry) => ({ ...entry, tokenFile: at(entry.tokenFile) })),
    ...(caFile === undefined ? {} : { caFile: at(caFile) }),
    ...(ssh ? { ssh: { keyFile: at(ssh.keyFile), knownHostsFile: at(ssh.knownHostsFile) } } : {}),
  };
}

function parsePolicy(text: string, file: string): unknown {
  try {
    return parseYaml(text);
  } catch (error) {
    throw new ConfigError(
      `the policy ${file} is no YAML: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
    );
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A variable that is set to nothing is not set. */
function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
}

function explain(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; ");
}
