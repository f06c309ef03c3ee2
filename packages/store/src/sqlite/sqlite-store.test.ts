import { tempDir } from "@signalbox/testkit";
import { contractErrors, contractMigrations, contractUnitsUrl, describeStoreContract } from "../contract/index.ts";
import type { ContractUnits } from "../contract/index.ts";
import { createSqliteStore } from "./index.ts";

const shared = { units: contractUnitsUrl, migrations: contractMigrations, errors: contractErrors, reserveBytes: 0 };

describeStoreContract({
  name: "SQLite in memory",
  open: () => createSqliteStore<ContractUnits>({ ...shared, directory: ":memory:" }),
});

describeStoreContract({
  name: "SQLite on disk",
  open: async () => {
    const dir = await tempDir();
    const store = await createSqliteStore<ContractUnits>({ ...shared, directory: dir.file("data") });
    const close = store.close.bind(store);
    store.close = async () => {
      await close();
      await dir[Symbol.asyncDispose]();
    };
    return store;
  },
});
