// The types of the NOFX guide, as it prints them; `unknown` and unions where it says `any` and `string` would break
// code that was written against it.
/* oxlint-disable typescript/no-explicit-any */

/** What a run is made from: a plan, or a request in plain words. */
export interface CreateRunOptions {
  plan?: Plan;
  standard?: StandardOptions;
  projectId?: string;
}

/** A goal and the steps to it. */
export interface Plan {
  goal: string;
  steps: Step[];
}

/** One step of a plan. Its name makes it the same step whenever the plan is repeated. */
export interface Step {
  name: string;
  tool: string;
  inputs?: Record<string, any>;
  tools_allowed?: string[];
  env_allowed?: string[];
  secrets_scope?: string;
}

/** A request in plain words. */
export interface StandardOptions {
  prompt: string;
  quality?: boolean;
  openPr?: boolean;
  filePath?: string;
}

/** A run as it is listed. */
export interface Run {
  id: string;
  status: string;
  projectId: string;
}

/** A run with its steps and artifacts. */
export interface RunDetails {
  run: Run & {
    goal: string;
    created_at: string;
    updated_at: string;
  };
  steps: StepDetails[];
  artifacts: Artifact[];
}

export interface StepDetails {
  id: string;
  name: string;
  tool: string;
  status: string;
  inputs?: Record<string, any>;
  outputs?: Record<string, any>;
  error?: string;
}

/** A file that a run produced. */
export interface Artifact {
  id: string;
  type: string;
  path: string;
  metadata?: Record<string, any>;
}

/** A fact about a run. */
export interface Event {
  event_type: string;
  run_id: string;
  step_id?: string;
  payload?: Record<string, any>;
  created_at: string;
}

export interface ListRunsOptions {
  limit?: number;
  projectId?: string;
}
