import { at, type Frame, type LinePeer } from "./line-peer.ts";

/** What an agent is told, and where it works. */
export interface Opening {
  readonly prompt: string;
  readonly workspace: string;
  readonly model: string | undefined;
}

/** Says to a bare agent what must be said before a first prompt, then the prompt, and waits for the first words. */
export type FirstWords = (peer: LinePeer, opening: Opening) => Promise<void>;

const CLIENT = { name: "bench", title: "bench", version: "1" };

/** `codex app-server`. */
export async function codexWords(peer: LinePeer, { prompt, workspace, model }: Opening): Promise<void> {
  await peer.call("initialize", { clientInfo: CLIENT, capabilities: { experimentalApi: false } });
  peer.tell("initialized", {});
  const settings = { cwd: workspace, approvalPolicy: "untrusted", sandbox: "workspace-write", model };
  const threadId = at(await peer.call("thread/start", settings), "result", "thread", "id");
  const input = [{ type: "text", text: prompt, text_elements: [] }];
  peer.tell("turn/start", { threadId, input }, { isCall: true });
  await peer.next(({ method }) => method === "item/agentMessage/delta");
}

/** `claude -p` over stream-json. */
export async function claudeWords(peer: LinePeer, { prompt }: Opening): Promise<void> {
  peer.send({ type: "control_request", request_id: "1", request: { subtype: "initialize", hooks: null } });
  await peer.next(({ type }) => type === "control_response");
  const message = { role: "user", content: [{ type: "text", text: prompt }] };
  peer.send({ type: "user", message, parent_tool_use_id: null, session_id: "" });
  await peer.next((frame) => at(frame, "event", "delta", "type") === "text_delta");
}

/** Any agent that speaks ACP. */
export async function acpWords(peer: LinePeer, { prompt, workspace }: Opening): Promise<void> {
  const sessionId = await openAcp(peer, workspace);
  peer.tell("session/prompt", { sessionId, prompt: [{ type: "text", text: prompt }] }, { isCall: true });
  await peer.next(isWord);
}

/** Opens a session with an agent that speaks ACP; answers its id. */
export async function openAcp(peer: LinePeer, workspace: string): Promise<unknown> {
  await peer.call("initialize", { protocolVersion: 1, clientInfo: CLIENT, clientCapabilities: {} });
  return at(await peer.call("session/new", { cwd: workspace, mcpServers: [] }), "result", "sessionId");
}

/** Whether a frame of ACP has words of the agent. */
export function isWord(frame: Frame): boolean {
  return at(frame, "params", "update", "sessionUpdate") === "agent_message_chunk";
}
