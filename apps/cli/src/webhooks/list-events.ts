import type { Context } from "../context.ts";

/** `signalbox webhooks events`: what a webhook can be told of, and what it is told of when it does not say. */
export async function listEvents({ output }: Context): Promise<void> {
  // Loaded here so that `--help` loads nothing.
  const { DEFAULT_WEBHOOK_FILTERS, meaningOf, wantsEvent, WEBHOOK_EVENT_TYPES } = await import("@signalbox/protocol");
  const items = [...WEBHOOK_EVENT_TYPES].map((type) => ({
    type,
    isDefault: wantsEvent(DEFAULT_WEBHOOK_FILTERS, type),
    meaning: meaningOf(type),
  }));
  output.result({ items }, () => {
    const rows = items.map(({ type, isDefault, meaning }) => [type, isDefault ? "yes" : "", meaning]);
    output.table(["EVENT", "DEFAULT", "MEANING"], rows, "");
  });
}
