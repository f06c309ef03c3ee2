import { busLimits, canonicalPattern, InvalidTopicError } from "@signalbox/messagebus";
import { printableName } from "../printable.ts";

/** A topic or pattern with slashes, as the bus has it. Refuses what the bus's grammar does not have. */
export function canonicalTopicOf(topic: string): string {
  return canonicalPattern(topic, busLimits());
}

/**
 * What a topic of a manifest lacks, as the object of "wanted"; undefined when it is fine. Wildcards may be in it, only not as
 * the first level: who approves a manifest must see what it is about.
 */
export function topicProblem(topic: string): string | undefined {
  try {
    const [first] = canonicalTopicOf(topic).split("/");
    return first === "*" || first === "**" ? "a topic whose first level is named" : undefined;
  } catch (error) {
    if (!(error instanceof InvalidTopicError)) throw error;
    return `a topic (${printableName(error.message)})`;
  }
}

/** What a topic lacks to be published by a plugin; the topic is canonical. */
export function publishProblem(topic: string, pluginId: string): string | undefined {
  const [first, second, third] = topic.split("/");
  if (first === "system" || first === "routing") {
    return `a topic that plugins may publish; \`${first}/**\` is the host's, and can be subscribed to`;
  }
  if (first === "plugin" && (second !== pluginId || third === undefined)) {
    return `a topic of its own, \`plugin/${pluginId}/…\`; whom it may ask stands in \`routing.canRouteTo\``;
  }
  return undefined;
}
