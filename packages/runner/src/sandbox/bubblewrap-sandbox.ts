import { isAbsolute, join, normalize } from "node:path";
import { claimTerminal } from "./claim-terminal.ts";
import { protectedPathArguments } from "./protected-paths.ts";
import { EGRESS_SOCKET_PATH, WORKSPACE_PATH } from "./sandbox.ts";
import type { ReadOnlyBind, Sandbox, SandboxCommand, SandboxDescription, WrappedCommand } from "./sandbox.ts";
import { UnsafeCommandError } from "./sandbox-errors.ts";
import { isHeededByLoader, stepEnvironment } from "./step-environment.ts";
import type { SupportFiles } from "./support-files.ts";
import { workspaceRelative } from "./workspace-relative.ts";

/** Which bubblewrap, and how much it grants. */
export interface BubblewrapSettings {
  /** The absolute path of the program: a step's PATH must not choose it. */
  readonly program: string;
  readonly version: string;
  readonly supportFiles: SupportFiles;
  /** The most bytes in each of /tmp, /run, /dev/shm and the home. Default 512 MiB. */
  readonly scratchBytes?: number;
}

/**
 * Runs steps in Linux namespaces by bubblewrap 0.8 or newer: a file system of the workspace, the system's programs
 * and scratch space, no network unless granted, no other processes, no capabilities, no further namespaces, and an end
 * with the runner. Needs no rights where the kernel lets users make namespaces.
 */
export class BubblewrapSandbox implements Sandbox {
  readonly name = "bubblewrap";
  readonly description: SandboxDescription;
  readonly #settings: BubblewrapSettings;
  readonly #scratchBytes: number;

  constructor(settings: BubblewrapSettings) {
    this.#settings = settings;
    this.#scratchBytes = settings.scratchBytes ?? 512 * 1024 * 1024;
    this.description = {
      engine: "bubblewrap",
      version: settings.version,
      network: "none",
      filesystem: "workspace",
      limits: { scratchBytes: this.#scratchBytes },
    };
  }

  wrap(command: SandboxCommand): WrappedCommand {
    const { program, supportFiles } = this.#settings;
    const env = stepEnvironment(command.env, command.own?.home ?? HOME_PATH);
    const argv = [
      program,
      ...isolation(command),
      ...systemFiles(supportFiles, command.network),
      ...this.#scratch(),
      ...(command.readOnlyBinds ?? []).flatMap(readOnlyBind),
      ...(command.own === undefined ? [] : ownFolder(command.own)),
      ...(command.egressSocket === undefined ? [] : ["--bind", command.egressSocket, EGRESS_SOCKET_PATH]),
      "--bind",
      command.workspace,
      WORKSPACE_PATH,
      ...protectedPathArguments(command.workspace, command.protectedPaths ?? [], supportFiles.empty),
      ...words("--remount-ro /dev --remount-ro /"),
      "--chdir",
      join(WORKSPACE_PATH, workspaceRelative(command.cwd ?? ".")),
      ...loaderVariables(env).flatMap(([name, value]) => ["--setenv", name, value]),
      "--",
      ...(command.pty ? [SETSID_PATH, ...claimTerminal(command.argv, TERMINAL_PATH)] : command.argv),
    ];
    return { argv, env: withoutLoaderVariables(env), cwd: "/", supervisors: 2 };
  }

  #scratch(): string[] {
    const size = ["--size", String(this.#scratchBytes)];
    return ["/tmp", "/run", "/dev/shm", HOME_PATH].flatMap((path) => [...size, "--tmpfs", path]);
  }
}

const HOME_PATH = "/home/agent";
/** Where bubblewrap shows the terminal that it was started at. */
const TERMINAL_PATH = "/dev/console";
/** Of util-linux: bubblewrap begins its new session one process above the command. */
export const SETSID_PATH = "/usr/bin/setsid";

/**
 * A step always gets a new session, or it could type into the runner's terminal (TIOCSTI). One that is to have a terminal
 * claims its own in one more session: bubblewrap itself stays out of it, or the first Ctrl-C would end the sandbox.
 */
function isolation({ network }: SandboxCommand): string[] {
  return [
    ...words("--unshare-user --disable-userns --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try"),
    ...(network === "host" ? [] : ["--unshare-net"]),
    ...words("--new-session --die-with-parent --cap-drop ALL --uid 1000 --gid 1000 --hostname sandbox"),
  ];
}

function systemFiles(supportFiles: SupportFiles, network: "none" | "host"): string[] {
  const readable = [
    "/etc/ssl",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    ...(network === "host" ? ["/etc/resolv.conf"] : []),
  ];
  return [
    ...words("--ro-bind /usr /usr"),
    ...["bin", "sbin", "lib", "lib64"].flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]),
    ...readable.flatMap((path) => ["--ro-bind-try", path, path]),
    ...supportFiles.etc.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    ...words("--proc /proc --dev /dev"),
  ];
}

function readOnlyBind({ source, target = source }: ReadOnlyBind): string[] {
  const isOwn = [WORKSPACE_PATH, "/proc", "/dev"].some((own) => `${normalize(target)}/`.startsWith(`${own}/`));
  if (!isAbsolute(source) || !isAbsolute(target) || normalize(target) === "/" || isOwn) {
    throw new UnsafeCommandError(`cannot show ${source} read-only at ${target}`);
  }
  return ["--ro-bind", source, target];
}

function ownFolder({ folder, home }: { readonly folder: string; readonly home: string }): string[] {
  const isInside = isAbsolute(folder) && `${normalize(home)}/`.startsWith(`${normalize(folder)}/`);
  if (!isInside || normalize(folder) === "/") throw new UnsafeCommandError(`${home} is no home below ${folder}`);
  return ["--bind", folder, folder];
}

/**
 * Variables go in by bubblewrap's own environment, which is made from empty, and not by `--setenv`: arguments can be
 * read by every user of the machine. Only those that would act on bubblewrap itself are set by argument.
 */
function loaderVariables(env: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(env).filter(([name]) => isHeededByLoader(name));
}

function withoutLoaderVariables(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isHeededByLoader(name)));
}

/** Arguments that hold no space of their own. */
function words(line: string): string[] {
  return line.split(" ");
}
