import { openSignalboxStore } from "@signalbox/store/sqlite";

import type { Contender, Task } from "./contender.ts";
import { bodies, recordRun, type RecordedRun } from "./recorded-run.ts";

type Store = Awaited<ReturnType<typeof openSignalboxStore>>;
type UnitName = Parameters<Store["run"]>[0];

/** The store alone: the same units with the same arguments as a run of the control plane, one after the other. */
export async function openUnits({ directory }: Task): Promise<Contender> {
  const recorded = await recordRun(directory);
  const store = await openSignalboxStore({ directory });
  const next = bodies(recorded.body);
  const moulds = recorded.units.map((unit) => mouldOf(unit.name as UnitName, unit.args, recorded));
  return {
    async runOne() {
      const body = next.next().value;
      for (const { name, fill } of moulds) await store.run(name, fill(body) as never);
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

function mouldOf(name: UnitName, args: Readonly<Record<string, unknown>>, { body }: RecordedRun) {
  const texts = Object.entries(args).filter(([, value]) => typeof value === "string" && value.includes(body));
  const parts = texts.map(([key, value]) => [key, String(value).split(body)] as const);
  return {
    name,
    fill: (own: string): Record<string, unknown> => {
      const filled: Record<string, unknown> = { ...args };
      for (const [key, pieces] of parts) filled[key] = pieces.join(own);
      return filled;
    },
  };
}
