import { join } from "node:path";

import type { Guide } from "../guides/code-blocks.ts";
import type { GuideCode } from "../guides/compile-guide.ts";
import type { Scene } from "../guides/scene.ts";

/** The README of the control-plane package (seed 001). */
const GUIDE: Guide = {
  path: join(import.meta.dirname, "guide.md"),
  names: { "@ai-agent-village-monitor/control-plane": "@signalbox/control-plane" },
};

const HANDLER = `import { SessionHandler } from '@signalbox/control-plane';
declare const handler: SessionHandler;`;

/** Its fragments about sessions, sockets, errors and schemas. What a fragment leaves to its reader is a global of the test's. */
const SCENES = {
  sessions: {
    heading: "SessionHandler",
    before: "declare const sessionId: string;",
    returns: "{ handler, result, session, sessions }",
  },
  approvals: { heading: "Approval Workflow", before: `${HANDLER}\ndeclare const sessionId: string;`, returns: "{}" },
  runners: { heading: "RunnerHandler", before: "", returns: "{ handler, result, fleet, runnerInfo }" },
  sockets: {
    heading: "WebSocketServerManager",
    before: "declare const sessionId: string;",
    returns: "{ httpServer, wsManager }",
  },
  errors: {
    heading: "Error Handling",
    before: `${HANDLER}\ndeclare const request: Parameters<SessionHandler['createSession']>[0];`,
    returns: "{ result }",
  },
  validation: { heading: "Validation Schemas", before: "declare const requestBody: unknown;", returns: "{ result }" },
  guards: { heading: "Type Guards", before: "declare const message: unknown;", returns: "{}" },
} as const satisfies Record<string, Scene>;
export type SceneName = keyof typeof SCENES;

/** A value of ours is what the guide's interface says it is. */
const PRINTED_RESPONSE = `import { SessionHandler } from '@signalbox/control-plane';

interface ApiResponse<T> {
  success: boolean;
  data?: T;
  error?: { code: string; message: string; details?: Record<string, unknown> };
  meta?: { requestId: string; timestamp: string; duration?: number };
}

export async function read(handler: SessionHandler): Promise<ApiResponse<{ sessionId: string }>> {
  return handler.getSession('session-123');
}
`;

export const CONTROL_PLANE_GUIDE: GuideCode<SceneName> = {
  guide: GUIDE,
  scenes: SCENES,
  packages: ["protocol", "control-plane"],
  files: { "lib/api-response.ts": PRINTED_RESPONSE },
};
