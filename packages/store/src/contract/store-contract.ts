import { describe } from "vitest";
import { siblingModule } from "../sqlite/sibling-module.ts";
import type { Store } from "../store.ts";
import { describeAtomicity } from "./atomicity.ts";
import { describeBlobs } from "./blobs.ts";
import { describeLifecycle } from "./lifecycle.ts";
import { describeOrder } from "./order.ts";
import { describeReads } from "./reads.ts";
import { describeValues } from "./values.ts";
import type { ContractUnits } from "./contract-units.ts";

/** What the contract needs from an engine. */
export interface StoreContractOptions {
  /** The engine's name, for the titles of the tests. */
  readonly name: string;
  /** Opens an empty store with `contractMigrations`, the units at `contractUnitsUrl` and `contractErrors`. */
  readonly open: () => Promise<Store<ContractUnits>>;
}

/** Where the units of the contract are, for engines that import them in a thread of their own. */
export const contractUnitsUrl = siblingModule("contract-units", import.meta.url);

/** Defines the tests that every engine passes. Call it in a test file of vitest. */
export function describeStoreContract(options: StoreContractOptions): void {
  describe(`a store on ${options.name}`, () => {
    describeAtomicity(options);
    describeOrder(options);
    describeReads(options);
    describeValues(options);
    describeBlobs(options);
    describeLifecycle(options);
  });
}
