import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as z from "zod";

import { AgentError } from "../errors.ts";

/** What a catalog is made from. */
export interface CodexCatalogRequest {
  /** As `codex` is started, without arguments. */
  readonly argv: readonly [string, ...string[]];
  /** The whole environment: PATH, and a HOME of its own. */
  readonly env: Readonly<Record<string, string>>;
  /** The model whose abilities are taken. Default `gpt-5.5`: the last that has plain tools. */
  readonly like?: string;
  /** What the model is called. */
  readonly model: string;
}

/**
 * A catalog for a model that codex does not know, such as a stub: it gets the abilities of one that it knows. codex offers
 * an unknown model no tool for changing files. The shape of a catalog belongs to one version of codex, so it is made with
 * the program that will read it. Answers the JSON for `modelCatalogFile`.
 */
export async function codexCatalog({ argv, env, like = "gpt-5.5", model }: CodexCatalogRequest): Promise<string> {
  const [program, ...args] = argv;
  const { stdout } = await promisify(execFile)(program, [...args, "debug", "models", "--bundled"], {
    env: { ...env },
    maxBuffer: CATALOG_BYTES,
  });
  const { models } = CatalogSchema.parse(JSON.parse(stdout));
  const known = models.find(({ slug }) => slug === like);
  if (!known) throw new AgentError("INVALID_SPEC", `this codex knows no model ${like}`);
  return JSON.stringify({ models: [{ ...known, slug: model, display_name: model }] });
}

const CATALOG_BYTES = 16_777_216;
const CatalogSchema = z.object({ models: z.array(z.looseObject({ slug: z.string() })) });
