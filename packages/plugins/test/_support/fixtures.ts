import { fileURLToPath } from "node:url";

/** The folder of plugins that the tests start for real. */
export const fixtures = fileURLToPath(new URL("../fixtures", import.meta.url));
