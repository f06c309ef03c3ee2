import { codeBlocks } from "./code-blocks.ts";

/** A fragment of the guide with what its reader has around it, so that it can be compiled and run. */
interface Scene {
  /** Heading of the guide. */
  readonly heading: string;
  /** What the fragment uses and does not define: an import line or a declaration each. */
  readonly before: string;
  /** What is handed to the test after the fragment has run. */
  readonly returns: string;
}

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

/** A module of a scene: its fragments, in order, as the body of `run`, which can await as a module can. */
export function sceneModule(name: SceneName): string {
  const { heading, before, returns } = SCENES[name];
  // An object of three dots is the guide's "and so on", the one thing in it that no compiler takes.
  const code = `${before}\n${codeBlocks(heading).join("\n")}`.replaceAll("{...}", "{}");
  const [imports, declarations] = [/^import [^;]*;\n/gm, /^(?:declare|interface) .*\n/gm];
  const body = code.replace(imports, "").replace(declarations, "");
  return [
    ...(code.match(imports) ?? []),
    ...(code.match(declarations) ?? []),
    `export async function run() {\n${body}\nreturn ${returns};\n}\n`,
  ].join("\n");
}
