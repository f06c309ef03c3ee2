import { join } from "node:path";

import { codeBlock, type Guide } from "../guides/code-blocks.ts";
import type { GuideCode } from "../guides/compile-guide.ts";
import type { Scene } from "../guides/scene.ts";

/** The plugin guide (seed 004). */
export const GUIDE: Guide = {
  path: join(import.meta.dirname, "guide.md"),
  names: {
    "@jira-orchestrator/messagebus": "@signalbox/messagebus",
    "@jira-orchestrator/state-manager": "@signalbox/state-manager",
    "@jira-orchestrator/circuit-breaker": "@signalbox/circuit-breaker",
  },
};

const BUS = `import { getMessageBus, MessageType } from '@signalbox/messagebus';
const messageBus = getMessageBus('your-plugin');`;

/** Every fragment of the guide that is no whole file. The functions that it leaves to its reader are parameters. */
export const SCENES = {
  subscribing: {
    heading: "Subscribing to Topics",
    before: `declare function processRequest(payload: unknown): Promise<unknown>;`,
    returns: "{ messageBus }",
  },
  publishing: { heading: "Publishing Messages", before: BUS, returns: "{}" },
  requesting: { heading: "Request/Response Pattern", before: BUS, returns: "{ response }" },
  registering: {
    heading: "Registering RPC Methods",
    before: `${BUS}
interface Endpoint { id: string; url: string; schemaId: string }
interface Deployment { id: string; status: string; url: string }
declare function createEndpoint(path: string, method: string, authentication: string): Promise<Endpoint>;
declare function deployService(serviceName: string, environment: string): Promise<Deployment>;
declare function analyzeCodebaseAsync(directory: string, depth: number, onProgress: (progress: number) => void): void;
declare function uuidv4(): string;`,
    returns: "{ rpcServer }",
  },
  calling: { heading: "Calling RPC Methods", before: "", returns: "{ result }" },
  localState: { heading: "Local State", before: "", returns: "{ stateManager, config, totalRequests, activeTasks }" },
  sharedState: {
    heading: "Shared State (Cross-Plugin)",
    before: `import { DistributedStateManager } from '@signalbox/state-manager';
const stateManager = new DistributedStateManager('your-plugin');`,
    returns: "{ stateManager, jiraIssues }",
  },
  breaker: {
    heading: "Basic Usage",
    before: `declare function callExternalService(): Promise<string>;
declare function getCachedResult(): string;`,
    returns: "{ result, circuitBreaker }",
  },
  monitoring: {
    heading: "Monitoring Circuit State",
    before: `${BUS}
import { CircuitBreaker } from '@signalbox/circuit-breaker';
const circuitBreaker = new CircuitBreaker('your-plugin', { threshold: 1, timeout: 20, halfOpenRetries: 1 });
declare function sendAlert(text: string): void;`,
    returns: "{ circuitBreaker }",
  },
} as const satisfies Record<string, Scene>;

export type SceneName = keyof typeof SCENES;

/** The one file that the guide's bootstrap imports and leaves to its reader (spec P-82). */
const COMMAND_HANDLER = `import type { Message, MessageBus } from '@signalbox/messagebus';

export class PluginCommandHandler {
  private active = 0;
  private messageBus: MessageBus;

  constructor(messageBus: MessageBus) {
    this.messageBus = messageBus;
  }

  async handleRequest(message: Message): Promise<void> {
    this.active += 1;
    try {
      if (message.payload.command === 'break') throw new Error('told to break');
      await this.messageBus.respond(message.correlationId!, { status: 'success', result: message.payload });
    } finally {
      this.active -= 1;
    }
  }

  async executeCommand(command: string, parameters: unknown): Promise<unknown> {
    return { command, parameters };
  }

  async queryAgents(criteria: unknown): Promise<unknown> {
    return [{ name: 'agent-1', criteria }];
  }

  getActiveRequestCount(): number {
    return this.active;
  }
}
`;

/** What the guide's test takes from its test runner, and \`RPCClient\`, which it uses without importing (spec P-86). */
const TEST_GLOBALS = `declare function describe(name: string, body: () => void): void;
declare function it(name: string, body: () => Promise<void>): void;
declare function beforeEach(body: () => void | Promise<void>): void;
declare function afterEach(body: () => void | Promise<void>): void;
declare function expect(value: unknown): { toBe(other: unknown): void; toBeDefined(): void; toContain(part: unknown): void };
declare const RPCClient: typeof import('@signalbox/messagebus').RPCClient;
`;

/** The files of the guide's folder layout, and every fragment that is no whole file. */
export const PLUGIN_GUIDE: GuideCode<SceneName> = {
  guide: GUIDE,
  scenes: SCENES,
  packages: ["messagebus", "circuit-breaker", "state-manager"],
  files: {
    ".claude-plugin/plugin.json": codeBlock(GUIDE, "2. Update Plugin Manifest", "json"),
    "lib/plugin-bootstrap.ts": codeBlock(GUIDE, "3. Create Plugin Entry Point"),
    "lib/command-handler.ts": COMMAND_HANDLER,
    "lib/fastapi-backend-plugin.ts": codeBlock(GUIDE, "Full Plugin Implementation"),
    "test/plugin.test.ts": codeBlock(GUIDE, "Unit Tests"),
    "test/globals.d.ts": TEST_GLOBALS,
  },
};
