import { DBOS } from "@dbos-inc/dbos-sdk";

import { GOAL, type Contender, type Task } from "./contender.ts";

/** DBOS: a workflow of one step that does nothing, started and awaited. */
export async function openDbos({ service }: Task): Promise<Contender> {
  const workflow = DBOS.registerWorkflow(
    async (_order: { readonly goal: string }) => await DBOS.runStep(async () => undefined, { name: "step" }),
    { name: "run" },
  );
  DBOS.setConfig({ name: "bench", systemDatabaseUrl: service ?? "", logLevel: "error", runAdminServer: false });
  await DBOS.launch();
  return {
    async runOne() {
      const handle = await DBOS.startWorkflow(workflow)({ goal: GOAL });
      await handle.getResult();
    },
    [Symbol.asyncDispose]: () => DBOS.shutdown(),
  };
}
