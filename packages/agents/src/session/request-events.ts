import type { AgentEventOf } from "../agent-event.ts";
import type { AgentCapabilities } from "../capabilities.ts";
import { withoutUndefined } from "../without-undefined.ts";
import type { ApprovalNews, QuestionNews } from "./news.ts";
import type { BookedTool } from "./session-book.ts";

/** What is asked, in full: what was told of the tool call before is part of it. Pure. */
export function approvalEvent({
  news,
  known,
  requestId,
  capabilities,
}: {
  readonly news: ApprovalNews;
  readonly known: BookedTool | undefined;
  readonly requestId: string;
  readonly capabilities: AgentCapabilities;
}): AgentEventOf<"approval.requested"> {
  const { kind, title, reason, tool, options } = news;
  const { toolCallId, name, command, cwd, changes, input } = { ...known, ...withoutUndefined({ ...tool }) };
  return {
    type: "approval.requested",
    requestId,
    kind,
    title: title ?? known?.title ?? name ?? kind,
    ...withoutUndefined({ toolCallId, name, command, cwd, reason, changes, input }),
    canEditInput: capabilities.editInput,
    options,
  };
}

/** The questions that are asked. Pure. */
export function questionEvent(
  { toolCallId, questions }: QuestionNews,
  requestId: string,
): AgentEventOf<"question.requested"> {
  return { type: "question.requested", requestId, ...withoutUndefined({ toolCallId }), questions };
}
