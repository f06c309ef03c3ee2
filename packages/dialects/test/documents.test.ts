import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";

import { createApiDocument, toOpenApiPath } from "../src/documents/create-document.ts";
import { pathOf } from "../src/faces.ts";
import { concreteRoutes } from "./_support/concrete-path.ts";
import { FakeControlPlane } from "./_support/fake-control-plane.ts";
import { allFaces, serveFaces } from "./_support/serve-faces.ts";

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, unknown> };
}
interface Operation {
  readonly operationId: string;
  readonly responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

const SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

function seeded() {
  const fake = new FakeControlPlane();
  const run = fake.addRun({ steps: ["hello"] });
  run.append("step.started", { name: "hello" });
  run.print("hi\n");
  const artifact = run.addFile("a/b.ts", "export {}");
  run.end("succeeded");
  const values = {
    id: run.id,
    step: "hello",
    path: "a/b.ts",
    file: "swagger-ui.css",
    scope: "prod",
    name: "KEY",
    sha256: SHA256_OF_NOTHING,
    input: "inp_1",
    delivery: "whd_1",
  };
  fake.addPlugin(values.name);
  return { fake, run, values, runner: fake.addRunner(), artifact };
}

describe("the document", () => {
  it("is OpenAPI 3.1 and holds every mounted route, and no other", async () => {
    const { fake } = seeded();
    await using server = await serveFaces(fake.controlPlane);
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;

    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const mounted = server.faces.app.routes.map(({ method, path }) => `${method} ${toOpenApiPath(path)}`);
    const tables = allFaces(fake.controlPlane).flatMap((face) =>
      face.routes.map((route) => `${route.method} ${toOpenApiPath(pathOf(face, route))}`),
    );

    expect(document.openapi).toBe("3.1.0");
    expect(described.toSorted()).toEqual(mounted.toSorted());
    expect(described.toSorted()).toEqual(tables.toSorted());
  });

  it("is the same as YAML", async () => {
    const { fake } = seeded();
    await using server = await serveFaces(fake.controlPlane);

    const [json, yaml] = await Promise.all(["json", "yaml"].map((ending) => fetch(`${server.url}/openapi.${ending}`)));

    expect(parse(await yaml!.text())).toEqual(await json!.json());
    expect(yaml!.headers.get("content-type")).toBe("application/yaml");
  });

  it("names each operation once and leads no reference astray", () => {
    const { fake } = seeded();
    const document = createApiDocument(allFaces(fake.controlPlane)) as Document;

    const names = Object.values(document.paths).flatMap((item) =>
      Object.values(item).map(({ operationId }) => operationId),
    );
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name ?? "",
    );

    expect(new Set(names).size).toBe(names.length);
    expect(references.filter((name) => !Object.hasOwn(document.components.schemas, name))).toEqual([]);
  });

  it("tells the truth about what routes answer", async () => {
    const { fake, run, values, runner, artifact } = seeded();
    await using server = await serveFaces(fake.controlPlane);
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
    await fetch(`${server.url}/api/v1/projects/${values.id}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
    const token = (await fake.tokens.createToken({ name: "x", scopes: ["admin"] })).data;
    let inputId = "";
    let deliveryId = "";
    const ids: Record<string, (route: string) => string | Promise<string>> = {
      sessions: async (route) => {
        const session = await sessionFor(fake, route);
        inputId = session.inputId;
        bodies["PUT /api/v1/sessions/:id/inputs"] = { inputIds: [inputId] };
        return session.id;
      },
      approvals: () => askedApproval(fake),
      gates: () => fake.addGate(run.id).id,
      runners: () => runner.id,
      artifacts: () => artifact.id,
      tokens: () => token.id,
      webhooks: async () => {
        const made = await fake.addDelivery();
        deliveryId = made.deliveryId;
        return made.webhookId;
      },
    };
    const bodies: Record<string, unknown> = {
      "POST /api/v1/runs": { command: "ls" },
      "POST /runs": { command: "ls", project_id: "other" },
      "POST /api/v1/tokens": { name: "ci", scopes: ["runs:read"] },
      "POST /runner/v1/enrol": {
        token: "t".repeat(40),
        publicKey: "k".repeat(40),
        proof: "p".repeat(40),
        hostname: "box",
        capabilities: {},
      },
      "POST /api/v1/sessions": { providerId: "codex", task: "Do it" },
      "POST /api/v1/sessions/:id/inputs": { text: "And tests" },
      "POST /api/v1/sessions/:id/publish": { branch: "agent/a", title: "Add a" },
      "POST /api/v1/sessions/:id/approvals": { action: "merge" },
      "POST /api/v1/approvals/:id/resolve": { decision: "allow" },
      "POST /api/v1/plugins": { manifest: { name: "crier" } },
      "POST /api/v1/plugins/:name/approve": { manifestHash: "0".repeat(64) },
      "POST /api/v1/webhooks": { url: "https://hooks.example/" },
      "POST /webhooks": { url: "https://hooks.example/" },
      "PUT /api/v1/webhooks/:id": { active: true },
      "PUT /api/v1/projects/:id": { name: "p", approvals: { selfApproval: "refused" } },
      "PUT /api/v1/projects/:id/secrets/:scope/:name": { value: "s" },
    };
    const checked: string[] = [];
    const refused: string[] = [];

    for (const { face, route, name, path } of concreteRoutes(allFaces(fake.controlPlane), values)) {
      const noun = Object.keys(ids).find((word) => path.includes(`/${word}/${values.id}`)) ?? "";
      const id = path.endsWith("/cancel") ? fake.addRun().id : ((await ids[noun]?.(name)) ?? values.id);
      const target = path.replace(values.id, id).replace(values.input, inputId).replace(values.delivery, deliveryId);
      const operation = document.paths[toOpenApiPath(pathOf(face, route))]?.[route.method.toLowerCase()];
      const body = route.body?.required === true ? { "Content-Type": "application/json" } : {};
      const response = await fetch(`${server.url}${target}`, {
        method: route.method,
        redirect: "manual",
        headers: { ...body, Authorization: "Bearer connection-token" },
        ...(route.body?.required === true ? { body: JSON.stringify(bodies[name] ?? {}) } : {}),
      });
      const described = operation?.responses[String(response.status)] ?? operation?.responses["default"];
      const type = response.headers.get("content-type")?.split(";")[0] ?? "";
      if (type !== "application/json" || route.answer.contentType !== undefined) continue;
      const schema = described?.content?.["application/json"]?.schema;
      expect(schema, `${name} ${response.status}`).toBeDefined();

      const result = z.fromJSONSchema(withDefinitions(schema!, document) as never).safeParse(await response.json());

      expect(result.error?.issues, `${name} ${response.status}`).toBeUndefined();
      (response.ok ? checked : refused).push(name);
    }

    expect(refused).toEqual([]);
  });
});

describe("the page to try it out", () => {
  it("loads everything from this server", async () => {
    const { fake } = seeded();
    await using server = await serveFaces(fake.controlPlane);

    const page = await (await fetch(`${server.url}/api-docs`)).text();
    const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? "");
    const assets = await Promise.all(links.map((link) => fetch(new URL(link, server.url))));

    expect(links.every((link) => link.startsWith("/api-docs/"))).toBe(true);
    expect(assets.map(({ status }) => status)).toEqual(links.map(() => 200));
    expect((await fetch(`${server.url}/api-docs/swagger-initializer.js`)).status).toBe(404);
    expect((await fetch(`${server.url}/api-docs/package.json`)).status).toBe(404);
    expect((await fetch(`${server.url}/api-docs`)).headers.get("content-security-policy")).toContain(
      "default-src 'none'",
    );
  });
});

/** A schema of the document by itself: what it refers to comes along as definitions. */
function withDefinitions(schema: object, document: Document): object {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/")) as object;
}

/** A session in the state that a route asks for, with one input that waits. */
async function sessionFor(fake: FakeControlPlane, route: string): Promise<{ id: string; inputId: string }> {
  const repo = { url: "https://git.example/acme/app" };
  const created = await fake.sessions.createSession({ orgId: "default", providerId: "codex", task: "Do it", repo });
  const id = created.data?.sessionId ?? "";
  const said = await fake.sessions.sendInput(id, { text: "Also this" });
  if (/pause|resume/.test(route)) {
    const asked = await fake.sessions.requestApproval(id, "begin");
    await fake.sessions.resolveApproval(id, { approvalId: asked.data?.approvalId ?? "", decision: "allow" });
  }
  if (route.endsWith("/resume")) await fake.sessions.pauseSession(id);
  return { id, inputId: said.data?.inputId ?? "" };
}

async function askedApproval(fake: FakeControlPlane): Promise<string> {
  const { id } = await sessionFor(fake, "");
  const asked = await fake.sessions.requestApproval(id, "merge");
  return asked.data?.approvalId ?? "";
}
