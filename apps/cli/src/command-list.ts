import type { CommandModule } from "./program.ts";

/** A command that can be named before its file is loaded. */
export interface CommandEntry {
  readonly summary: string;
  readonly group: string;
  load(): Promise<CommandModule>;
}

const GATES = "Decisions";
const FLEET = "Fleet";
const ACCESS = "Projects and access";
const MACHINE = "This machine";
const RUNS = "Runs";
const SESSIONS = "Sessions";

/** Every command, in the order of the help text. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: { summary: "start a run and watch it", group: RUNS, load: () => import("./commands/run.ts") },
  runs: { summary: "list runs, or show one", group: RUNS, load: () => import("./commands/runs.ts") },
  logs: { summary: "print what a run wrote", group: RUNS, load: () => import("./commands/logs.ts") },
  cancel: { summary: "cancel a run", group: RUNS, load: () => import("./commands/cancel.ts") },
  files: { summary: "list, print or fetch the files of a run", group: RUNS, load: () => import("./commands/files.ts") },
  artifacts: {
    summary: "list, print or fetch what a run kept",
    group: RUNS,
    load: () => import("./commands/artifacts.ts"),
  },
  session: {
    summary: "open a session with an agent, follow it, speak to it, end it",
    group: SESSIONS,
    load: () => import("./commands/session.ts"),
  },
  sessions: { summary: "list sessions", group: SESSIONS, load: () => import("./commands/sessions.ts") },
  attach: {
    summary: "join the terminal of a session or command",
    group: SESSIONS,
    load: () => import("./commands/attach.ts"),
  },
  approvals: {
    summary: "list, show and answer what agents and runs ask for",
    group: GATES,
    load: () => import("./commands/approvals.ts"),
  },
  gates: { summary: "list what waits for a decision", group: GATES, load: () => import("./commands/gates.ts") },
  approve: { summary: "say yes at a gate", group: GATES, load: () => import("./commands/approve.ts") },
  reject: { summary: "say no at a gate", group: GATES, load: () => import("./commands/reject.ts") },
  runners: {
    summary: "list and manage the machines of the fleet",
    group: FLEET,
    load: () => import("./commands/runners.ts"),
  },
  plugins: {
    summary: "list, approve and run plugins, and route requests to them",
    group: FLEET,
    load: () => import("./commands/plugins.ts"),
  },
  webhooks: {
    summary: "let other systems be told of what happens, and see what became of it",
    group: ACCESS,
    load: () => import("./commands/webhooks.ts"),
  },
  projects: {
    summary: "list and change projects and their secrets",
    group: ACCESS,
    load: () => import("./commands/projects.ts"),
  },
  token: { summary: "make, list and revoke tokens", group: ACCESS, load: () => import("./commands/token.ts") },
  up: { summary: "run a server and a runner on this machine", group: MACHINE, load: () => import("./commands/up.ts") },
  server: { summary: "run the server alone", group: MACHINE, load: () => import("./commands/server.ts") },
  agents: {
    summary: "install coding agents on this machine, and log in to them",
    group: MACHINE,
    load: () => import("./commands/agents.ts"),
  },
  runner: { summary: "let this machine join a fleet", group: MACHINE, load: () => import("./commands/runner.ts") },
  doctor: {
    summary: "check that this machine is fit to run Signalbox",
    group: MACHINE,
    load: () => import("./commands/doctor.ts"),
  },
  verify: {
    summary: "check the data of a server against its own logs",
    group: MACHINE,
    load: () => import("./commands/verify.ts"),
  },
  completion: {
    summary: "print a script that completes commands in a shell",
    group: MACHINE,
    load: () => import("./commands/completion.ts"),
  },
};
