export { contractErrors, contractMigrations } from "./contract-units.ts";
export type { ContractUnits } from "./contract-units.ts";
export { contractUnitsUrl, describeStoreContract } from "./store-contract.ts";
export type { StoreContractOptions } from "./store-contract.ts";
