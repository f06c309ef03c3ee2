import { StepSchema, type CreateSessionRequest } from "@signalbox/protocol";
import { titleOf, type PlannedStep } from "@signalbox/store";

import { planRun, type PlanningProject } from "../run/plan-run.ts";

/** The run that a session by itself is the work of: one step, whose tool is the agent. Pure. */
export function planSession(
  request: CreateSessionRequest,
  { project, timeoutMs }: { readonly project: PlanningProject; readonly timeoutMs: number },
): { readonly goal: string; readonly steps: PlannedStep[] } {
  const { task, title, mode, model, permissions, budget, terminal } = request;
  const inputs = defined({
    task,
    title,
    mode,
    model,
    permissions,
    budget,
    terminal,
    inactivityMs: inMilliseconds(request.inactivityMinutes),
    approvalTimeoutMs: inMilliseconds(request.approvalTimeoutMinutes),
  });
  const step = StepSchema.parse({
    name: "session",
    tool: `agent:${request.providerId}`,
    inputs,
    timeoutMs,
    sandbox: request.sandbox,
    network: request.network,
    ...(request.requires ? { requires: request.requires } : {}),
  });
  const goal = title ?? titleOf(task);
  const { steps } = planRun({ projectId: project.id, plan: { goal, steps: [step] } }, project);
  return { goal, steps };
}

function inMilliseconds(minutes: number | undefined): number | undefined {
  return minutes === undefined ? undefined : Math.max(1, Math.round(minutes * 60_000));
}

function defined(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}
