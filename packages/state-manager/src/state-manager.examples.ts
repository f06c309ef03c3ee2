import { DistributedStateManager, mergeSnapshots } from "./index.ts";
import { openPluginState } from "./sqlite/index.ts";

/** What the README shows; compiled, so that it stays true. */
export async function quickStart(): Promise<unknown> {
  const stateManager = new DistributedStateManager("your-plugin");

  stateManager.setRegister("current_config", { apiUrl: "https://api.example.com", timeout: 30_000 });
  stateManager.incrementCounter("requests_processed", 5);
  stateManager.addToSet("active_tasks", "task_123");

  const config = stateManager.getRegister("current_config");
  const total = stateManager.getCounter("requests_processed");
  const tasks = stateManager.getSet("active_tasks");
  return { config, total, tasks };
}

export async function replicate(stateManager: DistributedStateManager): Promise<void> {
  stateManager.on("changed", (change) => {
    if (change.origin === "remote") console.log(change.kind, change.key, "was changed by", change.replicaId);
  });
  await stateManager.joined();
}

export function mergeByHand(one: DistributedStateManager, other: DistributedStateManager): void {
  const merged = mergeSnapshots(one.snapshot(), other.snapshot());
  one.merge(merged);
  other.merge(merged);
}

export async function share(stateManager: DistributedStateManager): Promise<unknown> {
  await stateManager.exportState("endpoint_definitions", { endpoints: [] }, { readers: ["jira-orchestrator"] });
  const issues = await stateManager.importState("jira-orchestrator", "jira_issues");
  return issues;
}

export async function keep(): Promise<void> {
  const kept = openPluginState("/srv/plugins/your-plugin", "your-plugin");
  kept.incrementCounter("requests_processed");
  await kept.flushed();
}
