import * as z from "zod";

import { ActorSchema } from "../actor.ts";
import type { ErrorCode } from "../error-codes.ts";
import { permits, type Principal } from "./token.ts";

/** Whether who asked may say yes to it. */
export const SelfApprovalSchema = z.enum(["allowed", "refused"]);
export type SelfApproval = z.infer<typeof SelfApprovalSchema>;

/** Ids of tokens that may decide. */
export const ApproversSchema = z.array(z.string().min(1).max(200)).max(50);

/**
 * Who may decide what is asked for in a project: at gates, when leave for an action is asked (to publish, too), and when a budget
 * is used up. What an agent asks while it works, a permission or a question, is not under it: it goes to whoever works with that
 * agent, and one person alone could not work otherwise.
 */
export const ApprovalPolicySchema = z.object({
  /** Default `allowed`: an installation of one person has nobody else to ask. */
  selfApproval: SelfApprovalSchema,
  /** The ids of the tokens that may decide; none: whoever has the scope `gates:decide`. */
  approvers: ApproversSchema,
});
export type ApprovalPolicy = z.infer<typeof ApprovalPolicySchema>;

/** A change of a policy; what is left out stays as it is. */
export const PutApprovalPolicySchema = z.strictObject(ApprovalPolicySchema.partial().shape);
export type PutApprovalPolicy = z.infer<typeof PutApprovalPolicySchema>;

/** What holds in a project that says nothing. */
export const DEFAULT_APPROVAL_POLICY: ApprovalPolicy = { selfApproval: "allowed", approvers: [] };

/**
 * Who may decide one thing, as it was fixed in its content when it was asked for. Absent: nothing is said, so whoever has the
 * scope may.
 */
export const DecisionRuleSchema = z.object({
  approvers: z.array(z.string()).optional(),
  selfApproval: SelfApprovalSchema.optional(),
  /** Who asked for it: who made its run, and who asked for this very thing. */
  requesters: z.array(ActorSchema).optional(),
});
export type DecisionRule = z.infer<typeof DecisionRuleSchema>;

/** What stands in the way of somebody's decision. */
export interface DecisionRefusal {
  readonly code: Extract<ErrorCode, "FORBIDDEN" | "SELF_APPROVAL">;
  readonly message: string;
}

/** Whose decision is looked at. */
export type Decider = Pick<Principal, "kind" | "id" | "scopes">;

/**
 * Why somebody may not decide something, or undefined when they may. It takes the scope `gates:decide`. Approvers that are named
 * are the only ones, but for an admin. Who asked may always say no, which takes it back; where self-approval is refused they may
 * not say yes, not as an admin either.
 */
export function refusalOfDecision(
  rule: DecisionRule,
  decider: Decider,
  decision: "allow" | "deny",
): DecisionRefusal | undefined {
  const { approvers = [], selfApproval = "allowed", requesters = [] } = rule;
  if (!permits(decider, "gates:decide")) return { code: "FORBIDDEN", message: "this needs the scope gates:decide" };
  const isRequester = requesters.some(({ kind, id }) => kind === decider.kind && id === decider.id);
  if (isRequester && decision === "deny") return undefined;
  if (isRequester && selfApproval === "refused") {
    const others = approvers.filter((id) => id !== decider.id);
    const whose = others.length === 0 ? "somebody else with the scope gates:decide" : `one of ${others.join(", ")}`;
    return { code: "SELF_APPROVAL", message: `who asked for it may not say yes to it; ${whose} may` };
  }
  if (approvers.length === 0 || decider.scopes.has("admin") || approvers.includes(decider.id)) return undefined;
  return { code: "FORBIDDEN", message: `it is for ${approvers.join(", ")} to decide` };
}

/**
 * The approvers of a step's gate in a project that names approvers too: those of the step that the project has as well. A plan
 * narrows who may decide and never widens it; where that would leave nobody, the project's decide.
 */
export function narrowedApprovers(ofProject: readonly string[], ofStep: readonly string[] = []): string[] {
  if (ofProject.length === 0) return [...ofStep];
  const both = ofStep.filter((id) => ofProject.includes(id));
  return both.length === 0 ? [...ofProject] : both;
}
