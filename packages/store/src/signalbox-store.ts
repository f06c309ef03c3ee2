import type { Store } from "./store.ts";
import type { SignalboxUnits } from "./units/index.ts";

/** The store of the product: an engine with the product's units. */
export type SignalboxStore = Store<SignalboxUnits>;
