import { getMessageBus, type PublishInput } from "@signalbox/messagebus";
import type { StateChange } from "./events.ts";

/** What announcements need of a bus; every `MessageBus` is one. */
export interface AnnouncementBus {
  publish(message: PublishInput): Promise<void>;
}

/**
 * Publishes a change on `plugin/<name>/circuit-breaker`. Without a bus it takes the one of the plugin with the breaker's
 * name; it asks for that anew each time, as `resetMessageBus` ends the one before. Rejects with what the bus refuses with.
 */
export async function announce(change: StateChange, bus?: AnnouncementBus): Promise<void> {
  const topic = `plugin/${change.name}/circuit-breaker`;
  await (bus ?? getMessageBus(change.name)).publish({ topic, messageType: "event", payload: change });
}
