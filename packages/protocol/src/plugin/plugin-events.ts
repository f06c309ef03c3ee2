import * as z from "zod";

import type { EventDefinition } from "../event.ts";
import { PluginOriginSchema } from "./plugin.ts";

const Manifested = z.object({ version: z.string(), manifestHash: z.string(), origin: PluginOriginSchema });

/** Every event of a plugin's stream: who let it in, with which manifest, and who put it out. */
export const PLUGIN_EVENTS = {
  "plugin.registered": {
    meaning: "A plugin became known; it waits for approval.",
    data: Manifested.extend({ name: z.string() }),
  },
  "plugin.changed": {
    meaning: "A plugin came with another manifest or from another place; what was approved before is not this.",
    data: Manifested,
  },
  "plugin.approved": {
    meaning: "Somebody let a plugin run with exactly this manifest.",
    data: z.object({ manifestHash: z.string() }),
  },
  "plugin.revoked": {
    meaning: "Somebody took a plugin's approval and its tokens away.",
    data: z.object({ reason: z.string().optional() }),
  },
  "plugin.token_issued": {
    meaning: "A token was made with which the plugin can connect.",
    data: z.object({ tokenId: z.string() }),
  },
} as const satisfies Record<string, EventDefinition>;
export type PluginEventType = keyof typeof PLUGIN_EVENTS;
/** What an event of a type carries. */
export type PluginEventData<Type extends PluginEventType> = z.input<(typeof PLUGIN_EVENTS)[Type]["data"]>;
