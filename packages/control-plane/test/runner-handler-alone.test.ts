import { describe, expect, it } from "vitest";
import { RunnerHandler, type RunnerHandlerConfig } from "../src/index.ts";

// The calls are those of the runner section of the control plane's first guide, with only the package name changed.
describe("a RunnerHandler by itself", () => {
  const config: RunnerHandlerConfig = { heartbeatTimeoutMs: 30000, maxRunnersPerOrg: 10, defaultCapacity: 5 };

  it("registers, hears, lists, drains and deregisters runners without a server", async () => {
    const handler = new RunnerHandler(config);
    const told: string[] = [];
    for (const name of ["runner_registered", "runner_online", "runner_draining", "runner_deregistered"] as const) {
      handler.on(name, () => told.push(name));
    }

    const result = await handler.registerRunner({
      hostname: "runner-01.local",
      capabilities: {
        providers: ["codex", "claude_code", "gemini_cli"],
        maxConcurrentSessions: 5,
        features: ["gpu", "sandbox"],
      },
      metadata: { region: "us-west-2" },
    });
    const { runnerId } = result.data;
    const heartbeat = await handler.handleHeartbeat({
      runnerId,
      timestamp: new Date().toISOString(),
      activeSessions: ["session-1", "session-2"],
      load: { cpuPercent: 45, memoryPercent: 60, diskPercent: 30 },
      runtimeVersions: { codex: "1.2.0", claude_code: "3.5.0", gemini_cli: "2.0.0", omnara: "1.0.0" },
    });
    const fleet = await handler.listRunners({ page: 1, pageSize: 50 });
    const drained = await handler.drainRunner(runnerId);
    const gone = await handler.deregisterRunner(runnerId);

    expect(result.success).toBe(true);
    expect(heartbeat.data).toMatchObject({ runnerId, status: "online" });
    expect(fleet.data.items).toMatchObject([
      { id: runnerId, runtimeVersions: { omnara: "1.0.0" }, metadata: { region: "us-west-2" } },
    ]);
    expect([drained.data.status, gone.data.status]).toEqual(["draining", "retired"]);
    expect(told).toEqual(["runner_registered", "runner_online", "runner_draining", "runner_deregistered"]);
  });

  it("answers for a runner that is not there with a refusal, and throws nothing", async () => {
    const handler = new RunnerHandler(config);

    const answers = await Promise.all([
      handler.getRunner("runner-123"),
      handler.drainRunner("runner-123"),
      handler.deregisterRunner("runner-123"),
    ]);

    expect(answers.map(({ success, error }) => [success, error?.code])).toEqual(
      Array(3).fill([false, "RUNNER_NOT_FOUND"]),
    );
  });

  it("takes as many runners as an org may have", async () => {
    const handler = new RunnerHandler({ maxRunnersPerOrg: 1 });
    const machine = { hostname: "a", capabilities: { providers: [] } };

    const [first, second] = [await handler.registerRunner(machine), await handler.registerRunner(machine)];

    expect([first.success, second.error?.code]).toEqual([true, "RUNNER_LIMIT_EXCEEDED"]);
    expect(first.data.capabilities.maxConcurrentSessions).toBe(5);
  });
});
