import { limit } from "../limits.ts";
import { printable } from "../printable.ts";
import { valueAt } from "./check-schema.ts";
import { pathText } from "./manifest-error.ts";
import type { ManifestProblem } from "./manifest-error.ts";
import { MANIFEST_FILE } from "./manifest-files.ts";
import { canonicalTopicOf, publishProblem, topicProblem } from "./manifest-topics.ts";
import { PluginIdSchema } from "./manifest.ts";
import { isRelativeInside } from "./relative-path.ts";

/**
 * What is wrong between fields of a manifest, looked at also where a field by itself is wrong, so that all is told at once.
 */
export function relationProblems(manifest: Readonly<Record<string, unknown>>): ManifestProblem[] {
  return [...topicsOfOthers(manifest), ...foreignEndpoint(manifest), ...delays(manifest), ...pathsOutside(manifest)];
}

function topicsOfOthers(manifest: object): ManifestProblem[] {
  const name = PluginIdSchema.safeParse(valueAt(manifest, ["name"]));
  const topics = valueAt(manifest, TOPICS);
  if (!name.success || !Array.isArray(topics)) return [];
  return topics.flatMap((topic: unknown, i) => {
    if (typeof topic !== "string" || topicProblem(topic) !== undefined) return [];
    const wanted = publishProblem(canonicalTopicOf(topic), name.data);
    return wanted === undefined ? [] : [problem([...TOPICS, i], wanted, topic)];
  });
}

function foreignEndpoint(manifest: object): ManifestProblem[] {
  const name = PluginIdSchema.safeParse(valueAt(manifest, ["name"]));
  const endpoint = valueAt(manifest, ENDPOINT);
  if (!name.success || typeof endpoint !== "string" || endpoint === endpointOf(name.data)) return [];
  return [problem(ENDPOINT, `"${endpointOf(name.data)}"`, endpoint)];
}

/** The only endpoint that a plugin can have. */
export function endpointOf(pluginId: string): string {
  return `plugin://${pluginId}/rpc`;
}

function delays(manifest: object): ManifestProblem[] {
  const initial = valueAt(manifest, [...RETRY, "initialDelay"]) ?? 1_000;
  const most = valueAt(manifest, [...RETRY, "maxDelay"]) ?? 10_000;
  if (typeof initial !== "number" || typeof most !== "number" || initial <= most) return [];
  return [problem([...RETRY, "maxDelay"], `at least the initialDelay of ${initial}`, most)];
}

/** What other readers of the manifest would follow: the same promise holds for them. */
function pathsOutside(manifest: Readonly<Record<string, unknown>>): ManifestProblem[] {
  const paths = pathsIn(manifest);
  const most = limit("manifest.paths");
  if (paths.length > most) return [problem([], `at most ${most} paths in all`, paths.length)];
  return paths
    .filter(({ value }) => !isRelativeInside(value))
    .map(({ path, value }) => problem(path, "a relative path inside the plugin's folder", value));
}

/** The paths under the keys that Claude Code reads paths from, with their places. What is an object there has none. */
export function pathsIn(manifest: Readonly<Record<string, unknown>>): { path: PropertyKey[]; value: string }[] {
  return PATH_KEYS.flatMap((key) => {
    const value = valueAt(manifest, [key]);
    if (typeof value === "string") return [{ path: [key], value }];
    if (!Array.isArray(value)) return [];
    return value.flatMap((entry: unknown, i) => (typeof entry === "string" ? [{ path: [key, i], value: entry }] : []));
  });
}

const PATH_KEYS = ["commands", "agents", "skills", "hooks", "mcpServers", "lspServers", "outputStyles"];
const TOPICS = ["communication", "messagebus", "topics"];
const ENDPOINT = ["communication", "rpc", "endpoint"];
const RETRY = ["errorHandling", "retryPolicy"];

function problem(path: readonly PropertyKey[], wanted: string, found: unknown): ManifestProblem {
  return { file: MANIFEST_FILE, path: pathText(path), wanted, found: printable(found) };
}
