import { nativeVoice } from "../native/refuse.ts";
import { Refusal } from "../refusal.ts";
import { route, type Face } from "../route.ts";

/**
 * The document of some faces and of itself, and a page to try them out. Both are made when first asked for, since few
 * ask and a start is not to pay for it. They are open to everybody: they say what the source says.
 */
export function documentsFace(faces: readonly Face[]): Face {
  let document: Promise<object> | undefined;
  const load = () =>
    (document ??= import("./create-document.ts").then(({ createApiDocument }) => createApiDocument([...faces, face])));
  const face: Face = {
    name: "documents",
    mount: "/",
    voice: nativeVoice,
    routes: [
      route({
        method: "GET",
        path: "/openapi.json",
        permission: "public",
        summary: "This document as JSON.",
        answer: { status: 200, contentType: "application/json" },
        handle: async () => text(JSON.stringify(await load()), "application/json"),
      }),
      route({
        method: "GET",
        path: "/openapi.yaml",
        permission: "public",
        summary: "This document as YAML.",
        answer: { status: 200, contentType: "application/yaml" },
        async handle() {
          const { stringify } = await import("yaml");
          return text(stringify(await load(), { aliasDuplicateObjects: false }), "application/yaml");
        },
      }),
      route({
        method: "GET",
        path: "/api-docs",
        permission: "public",
        summary: "This document as a page to try out.",
        answer: { status: 200, contentType: "text/html" },
        handle: async () => (await import("./swagger-ui.ts")).swaggerPage(),
      }),
      route({
        method: "GET",
        path: "/api-docs/:file",
        permission: "public",
        summary: "What the page is made of.",
        answer: { status: 200, contentType: "text/javascript" },
        async handle(call) {
          const asset = await (await import("./swagger-ui.ts")).swaggerAsset(call.param("file"));
          if (asset) return asset;
          throw new Refusal("NOT_FOUND", "there is nothing at this path");
        },
      }),
    ],
  };
  return face;
}

function text(body: string, type: string): Response {
  return new Response(body, {
    headers: { "Content-Type": type, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff" },
  });
}
