import type { Envelope, SandboxReport } from "@signalbox/protocol";

import type { RunnerPolicy } from "../policy/policy.ts";
import { NoSandbox } from "../sandbox/no-sandbox.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { StepError } from "./step-error.ts";

/** What a step will be enclosed by, and what it may reach. */
export interface ChosenSandbox {
  readonly sandbox: Sandbox;
  readonly network: "none" | "host";
  /** What really holds, to be recorded with the attempt. */
  readonly report: SandboxReport;
}

/**
 * The enclosure of a step: what the step asks for, but never less than the owner of the machine demands. Throws a
 * `sandbox_unavailable` when the machine cannot give it.
 */
export function chooseSandbox(envelope: Envelope, policy: RunnerPolicy, available: Sandbox): ChosenSandbox {
  const isRequired = envelope.sandbox === "required" || policy.sandbox === "required" || policy.network === "none";
  if (isRequired && available.name === "none") {
    const who = envelope.sandbox === "required" ? "the step" : "this machine's owner";
    throw new StepError(
      "sandbox_unavailable",
      `${who} demands a sandbox, but ${available.description.reason ?? "there is none"}`,
    );
  }
  const isWaived = envelope.sandbox === "none" && !isRequired && available.name !== "none";
  const sandbox = isWaived ? new NoSandbox("the step asks for none") : available;
  const network = policy.network === "none" ? "none" : envelope.network;
  const { engine, version, reason } = sandbox.description;
  const detail = version ?? reason;
  // Without a sandbox nothing keeps a process from the network, whatever was asked for.
  const report = { engine, network: engine === "none" ? "host" : network };
  return { sandbox, network, report: detail === undefined ? report : { ...report, detail: detail.slice(0, 500) } };
}
