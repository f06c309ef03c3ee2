import type { Client } from "@signalbox/client";
import type { Approval, Question } from "@signalbox/protocol";

import { checkedHash } from "../approvals/approval-hash.ts";
import { showApproval } from "../approvals/show-approval.ts";
import type { Context } from "../context.ts";
import { remoteText } from "../text/remote-text.ts";
import type { SessionView } from "./session-view.ts";

const LATE_WORDS_MS = 500;

/** What a watched session asks, one after the other: shown whole, and answered here where there is somebody to ask. */
export class ApprovalDesk {
  readonly #context: Context;
  readonly #client: Client;
  readonly #view: SessionView;
  readonly #canAnswer: boolean;
  readonly #open: Approval[] = [];
  #answers: Record<string, string[]> = {};

  constructor(deps: { context: Context; client: Client; view: SessionView; canAnswer: boolean }) {
    this.#context = deps.context;
    this.#client = deps.client;
    this.#view = deps.view;
    this.#canAnswer = deps.canAnswer;
  }

  /** Whether a line that is typed is an answer. */
  get isAsking(): boolean {
    return this.#canAnswer && this.#open.length > 0;
  }

  /** An approval was asked for. One that is decided by now is history. */
  async asked(approvalId: string): Promise<void> {
    const approval = await this.#client.approvals.get(approvalId);
    if (approval.state !== "pending" || this.#open.some((other) => other.approvalId === approvalId)) return;
    // Two streams tell of it; what the agent said before it asked should stand above what it asks.
    if (approval.origin) await this.#view.untilAsked(approval.origin.requestId, LATE_WORDS_MS);
    this.#open.push(approval);
    if (this.#open.length === 1) this.#show(approval);
  }

  /** It was decided, by whoever. */
  resolved(approvalId: string): void {
    const at = this.#open.findIndex((approval) => approval.approvalId === approvalId);
    if (at < 0) return;
    this.#open.splice(at, 1);
    this.#answers = {};
    const [next] = this.#open;
    if (at === 0 && next) this.#show(next);
  }

  /** What somebody typed at the question that stands on the screen. */
  async answer(line: string): Promise<void> {
    const [approval] = this.#open;
    if (!approval) return;
    const typed = line.trim();
    const open = this.#openQuestion(approval);
    if (open && typed !== "" && typed !== "n") {
      this.#answers[open.id] = chosen(open, typed);
      const next = this.#openQuestion(approval);
      return next ? this.#askQuestion(next) : this.#send(approval, "allow");
    }
    const word = typed.toLowerCase();
    if (word === "y" || word === "yes") return open ? this.#askQuestion(open) : this.#send(approval, "allow");
    if (word === "n" || word === "no") return this.#send(approval, "deny");
    this.#ask(approval);
  }

  async #send(approval: Approval, decision: "allow" | "deny"): Promise<void> {
    const { approvalId } = approval;
    const answers = approval.questions && decision === "allow" ? { answers: this.#answers } : {};
    try {
      await this.#client.approvals.resolve(approvalId, { decision, contentHash: checkedHash(approval), ...answers });
    } catch (error) {
      // Somebody else was faster, or it ran out: the session's log tells which.
      this.#view.line(this.#context.output.colors.yellow(error instanceof Error ? remoteText(error.message) : "no"));
    }
  }

  #show(approval: Approval): void {
    if (this.#context.output.isJson) return;
    this.#view.line("");
    showApproval(this.#context, approval);
    if (this.#canAnswer) return this.#ask(approval);
    const { approvalId } = approval;
    this.#view.line(`waits for an answer: signalbox approvals allow ${approvalId}, or deny`);
  }

  #ask(approval: Approval): void {
    const question = this.#openQuestion(approval);
    if (question) return this.#askQuestion(question);
    this.#view.line(this.#context.output.colors.bold("allow this? y or n, then Enter"));
  }

  #askQuestion({ text, options }: Question): void {
    const { bold } = this.#context.output.colors;
    this.#view.line(bold(remoteText(text)));
    for (const [index, { label }] of options.entries()) this.#view.line(`  ${index + 1}  ${remoteText(label)}`);
    this.#view.line(
      bold(options.length > 0 ? "a number, or your own words; n to decline" : "your words; n to decline"),
    );
  }

  #openQuestion({ questions = [] }: Approval): Question | undefined {
    return questions.find(({ id }) => !Object.hasOwn(this.#answers, id));
  }
}

/** A number stands for the option of that place; where many may be chosen, numbers are parted by commas. Pure. */
function chosen({ options, allowsMany }: Question, typed: string): string[] {
  const parts = allowsMany ? typed.split(",").map((part) => part.trim()) : [typed];
  return parts.map((part) => (/^\d+$/.test(part) ? (options[Number(part) - 1]?.label ?? part) : part));
}
