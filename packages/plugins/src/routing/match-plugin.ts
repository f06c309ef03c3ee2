import { compileGlob, readPath } from "../matching/glob.ts";
import type { Glob, ReadPath } from "../matching/glob.ts";
import { KeywordIndex, wordsOf } from "../matching/keywords.ts";
import type { Capabilities, PluginManifest, Routing } from "../manifest/manifest.ts";
import type { RouteRequest } from "./route-request-schema.ts";
import { ROUTING_WEIGHTS } from "./weights.ts";
import type { MatchKind } from "./weights.ts";

/** A word or glob of a plugin that fits a request. */
export interface Match {
  readonly kind: MatchKind;
  /** As it stands in the manifest. */
  readonly term: string;
  /** What it adds to the score; 0 where enough of its kind have counted already. */
  readonly points: number;
}

/** A request, taken apart once for all plugins. */
export class RequestMatcher {
  readonly #request: RouteRequest;
  readonly #text: KeywordIndex;
  readonly #paths: readonly ReadPath[];

  constructor(request: RouteRequest) {
    this.#request = request;
    this.#text = new KeywordIndex(request.text ?? "");
    this.#paths = (request.paths ?? []).map(readPath);
  }

  /** Everything of a plugin that fits, by kind and then as the manifest has it. */
  match({ capabilities, routing }: PluginManifest): Match[] {
    const { keywords, globs } = compiled(routing);
    const found = keywords.filter(({ words }) => this.#text.has(words)).map(({ keyword }) => keyword);
    return [
      ...CAPABILITY_KINDS.flatMap(([kind, list]) => counted(kind, common(capabilities[list], this.#wanted(list)))),
      ...counted("keyword", found),
      ...this.#pathMatches(globs),
    ];
  }

  /** The capabilities that the request demands and a plugin has not, as words. */
  missing({ capabilities }: PluginManifest): string[] {
    const { requires = {} } = this.#request;
    return CAPABILITY_KINDS.flatMap(([kind, list]) => {
      const has = new Set(capabilities[list].map(folded));
      return (requires[list] ?? []).filter((word) => !has.has(folded(word))).map((word) => `${kind} ${word}`);
    });
  }

  /** What is required is wanted too. */
  #wanted(list: keyof Capabilities): string[] {
    return [...(this.#request[list] ?? []), ...(this.#request.requires?.[list] ?? [])];
  }

  /** Each path counts for the first glob that it matches. */
  #pathMatches(globs: readonly Glob[]): Match[] {
    const hits = new Map<Glob, number>();
    for (const path of this.#paths) {
      const glob = globs.find((candidate) => candidate.matchesRead(path));
      if (glob !== undefined) hits.set(glob, (hits.get(glob) ?? 0) + 1);
    }
    return globs.flatMap((glob) => {
      const share = (hits.get(glob) ?? 0) / this.#paths.length;
      return share > 0
        ? [{ kind: "path", term: glob.pattern, points: rounded(ROUTING_WEIGHTS.path.points * share) }]
        : [];
    });
  }
}

/** To hundredths, so that shares that add up to the same are the same. */
export function rounded(points: number): number {
  return Math.round(points * 100) / 100;
}

const CAPABILITY_KINDS = [
  ["domain", "domains"],
  ["context", "contexts"],
  ["pattern", "patterns"],
  ["integration", "integrations"],
] as const satisfies readonly (readonly [MatchKind, keyof Capabilities])[];

function common(terms: readonly string[], wanted: readonly string[]): string[] {
  const words = new Set(wanted.map(folded));
  return terms.filter((term) => words.has(folded(term)));
}

/** Each word once, whatever its letter case: to say it twice is not to be twice as good. */
function counted(kind: MatchKind, terms: readonly string[]): Match[] {
  const { points, atMost } = ROUTING_WEIGHTS[kind];
  const unique = [...new Map(terms.toReversed().map((term) => [folded(term), term])).values()].toReversed();
  return unique.map((term, i) => ({ kind, term, points: i < atMost ? points : 0 }));
}

function folded(word: string): string {
  return word.normalize("NFKC").toUpperCase().toLowerCase();
}

interface Compiled {
  readonly keywords: readonly { readonly keyword: string; readonly words: readonly string[] }[];
  readonly globs: readonly Glob[];
}

const compiledByRouting = new WeakMap<Routing, Compiled>();

/** A manifest does not change, so its globs and keywords are read once. */
function compiled(routing: Routing): Compiled {
  let known = compiledByRouting.get(routing);
  if (known === undefined) {
    known = {
      keywords: routing.keywords.map((keyword) => ({ keyword, words: wordsOf(keyword) })),
      globs: routing.contextPatterns.map(compileGlob),
    };
    compiledByRouting.set(routing, known);
  }
  return known;
}
