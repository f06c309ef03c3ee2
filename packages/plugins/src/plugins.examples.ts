import { getSystemBus } from "@signalbox/messagebus";
import {
  explainRoute,
  formatLogLine,
  inProcessLauncher,
  loadManifest,
  ManifestError,
  NoPluginError,
  parseManifest,
  PluginHost,
  PluginRouter,
  processLauncher,
  routeRequest,
} from "./index.ts";
import type { BusCredential, CredentialRequest } from "./index.ts";

/** What the README shows; compiled, so that it stays true. */
export async function quickStart(folder: string, isApproved: (name: string, hash: string) => boolean): Promise<void> {
  const bus = getSystemBus();
  await using host = new PluginHost({ bus, launcher: inProcessLauncher(), isApproved });
  await host.discover(folder);
  await host.startAll();

  const router = new PluginRouter({ registry: host.registry, bus });
  const { pluginId, response } = await router.dispatch(
    { requestId: "req_1", text: "Add a FastAPI endpoint", paths: ["app/api/users.py"] },
    { payload: { command: "create_endpoint", parameters: { path: "/users", method: "GET" } } },
  );
  console.log(pluginId, response);
}

export async function checkFolder(folder: string): Promise<void> {
  try {
    const { manifest, manifestHash, entryPoint } = await loadManifest(folder);
    console.log(manifest.name, manifestHash, entryPoint);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    for (const { path, wanted, found } of error.problems) console.log(`${path}: wanted ${wanted}, found ${found}`);
  }
}

export function explain(): void {
  const manifest = parseManifest({ name: "backend", version: "1.0.0", routing: { keywords: ["api"] } });

  const route = routeRequest({ requestId: "req_1", text: "an API" }, [{ manifest, isRunning: true }]);

  console.log(explainRoute(route));
  // request req_1
  // backend: asked first, score 3, priority 100
  //   + keyword api: 3
}

export async function withProcesses(
  issueCredential: (request: CredentialRequest) => Promise<BusCredential>,
  isApproved: (name: string, hash: string) => boolean,
): Promise<void> {
  await using host = new PluginHost({
    bus: getSystemBus(),
    launcher: processLauncher({
      issueCredential,
      environment: { PATH: "/usr/bin:/bin" },
      nodeArguments: ["--max-old-space-size=256"],
    }),
    isApproved,
    settings: { readyMs: 10_000, restart: { restarts: 3 } },
    onLog: (line) => console.log(formatLogLine(line)),
  });
  host.on("failed", ({ pluginId, error, retryInMs }) => console.error(pluginId, error.message, retryInMs));

  await host.discover("/srv/plugins");
  for (const { folder, error } of host.broken()) console.error(folder, error.message);
  for (const { pluginId, error } of await host.startAll()) if (error) console.error(pluginId, error.message);
}

export async function nobody(router: PluginRouter): Promise<void> {
  try {
    await router.dispatch({ requestId: "req_2", text: "something else", from: "jira-orchestrator" });
  } catch (error) {
    if (!(error instanceof NoPluginError)) throw error;
    for (const { pluginId, obstacles } of error.route.leftOut) console.log(pluginId, obstacles);
  }
}
