/* oxlint-disable -- Uses the client of the guide just as its patterns do; prints what it saw as JSON. */
import { NOFXClient } from "./nofx-client.mts";

const client = new NOFXClient(process.argv[2]);

// Pattern 1: a run of gates and a deployment, watched to its end.
const deployment = await client.createRun({
  plan: {
    goal: "Deploy with quality checks",
    steps: [
      { name: "typecheck", tool: "gate:typecheck" },
      { name: "tests", tool: "gate:test" },
      {
        name: "deploy",
        tool: "command",
        inputs: { shell: "true" },
        tools_allowed: ["shell"],
        env_allowed: ["PATH"],
        secrets_scope: "prod",
      },
    ],
  },
  projectId: "my-project",
});
const seen: any[] = [];
const finished = await client.waitForCompletion(deployment.id, (event) => seen.push(event));

// Pattern 3: streaming and polling at the same time.
const assisted = await client.createRun({
  standard: { prompt: "Say hello", quality: true, openPr: false, filePath: undefined },
  projectId: "default",
});
const streamed: string[] = [];
const stream = client.streamEvents(assisted.id, (event) => streamed.push(event.event_type));
for (;;) {
  const { run } = await client.getRun(assisted.id);
  if (["succeeded", "failed", "cancelled"].includes(run.status)) break;
  await new Promise((resolve) => setTimeout(resolve, 20));
}
stream.close();

// A gate that a person decides.
const gated = await client.createRun({ plan: { goal: "Ask first", steps: [{ name: "ask", tool: "gate:manual" }] } });
const decided = await client.waitForCompletion(gated.id, (event) => {
  if (event.event_type === "gate.pending") void client.approveGate(event.payload!.gate_id, "looks good");
});

const failure = await client.getRun("run-that-is-not-there").catch((error: Error) => error.message);
const { runs } = await client.listRuns();
const mine = await client.listRuns({ limit: 5, projectId: "my-project" });
console.log(JSON.stringify({ deployment, seen, finished, streamed, decided, failure, runs, mine }));
