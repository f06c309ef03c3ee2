import type { Dialect } from "./dialect.ts";
import { anthropic } from "./anthropic/index.ts";
import { gemini } from "./gemini/index.ts";
import { openai } from "./openai/index.ts";

/** What is asked for at an address. */
export type Route =
  | { readonly to: "model"; readonly dialect: Dialect }
  | { readonly to: "token count"; readonly dialect: Dialect }
  | { readonly to: "model list"; readonly dialect: Dialect }
  | { readonly to: "nothing" };

const ROUTES: readonly {
  readonly method: string;
  readonly path: RegExp;
  readonly to: Route["to"];
  readonly dialect: Dialect;
}[] = [
  { method: "POST", path: /^\/v1\/responses$/, to: "model", dialect: openai },
  { method: "GET", path: /^\/v1\/models$/, to: "model list", dialect: openai },
  { method: "POST", path: /^\/v1\/messages$/, to: "model", dialect: anthropic },
  { method: "POST", path: /^\/v1\/messages\/count_tokens$/, to: "token count", dialect: anthropic },
  { method: "POST", path: /^\/v1(?:beta)?\/models\/[^/:]+:(?:streamG|g)enerateContent$/, to: "model", dialect: gemini },
  { method: "POST", path: /^\/v1(?:beta)?\/models\/[^/:]+:countTokens$/, to: "token count", dialect: gemini },
  { method: "GET", path: /^\/v1beta\/models$/, to: "model list", dialect: gemini },
];

/** The route of a request. Two dialects have their models at one address: a header tells which is meant. */
export function routeOf(method: string, path: string, isAnthropic: boolean): Route {
  const found = ROUTES.find((each) => each.method === method && each.path.test(path));
  if (!found || found.to === "nothing") return { to: "nothing" };
  const dialect = found.to === "model list" && isAnthropic ? anthropic : found.dialect;
  return { to: found.to, dialect };
}

/** The one model there is, as each dialect lists it. */
export function modelList({ name }: Dialect): unknown {
  const id = "stub-model";
  switch (name) {
    case "openai":
      return { object: "list", data: [{ id, object: "model", created: 0, owned_by: "stub" }] };
    case "anthropic":
      return {
        data: [{ type: "model", id, display_name: "Stub", created_at: "2026-01-01T00:00:00Z" }],
        has_more: false,
      };
    case "gemini":
      return { models: [{ name: `models/${id}`, supportedGenerationMethods: ["generateContent", "countTokens"] }] };
  }
}

export function tokenCount({ name }: Dialect): unknown {
  return name === "gemini" ? { totalTokens: 1234 } : { input_tokens: 1234 };
}
