import {
  pageSchema,
  ProjectSchema,
  type Page,
  type PaginationParams,
  type Project,
  type PutProjectRequest,
} from "@signalbox/protocol";
import * as z from "zod";

import type { CallOptions, Requester } from "./request.ts";

/** Where a secret is kept; its value never comes back. */
export interface SecretName {
  readonly scope: string;
  readonly name: string;
}

const ProjectPageSchema = pageSchema(ProjectSchema);
const SecretNameSchema = z.object({ scope: z.string(), name: z.string() });

/** Working areas with their settings. */
export class ProjectsClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  get(projectId: string, options?: CallOptions): Promise<Project> {
    return this.#requester.json({ path: pathOf(projectId), ...options }, ProjectSchema);
  }

  list(params: Partial<PaginationParams> = {}, options?: CallOptions): Promise<Page<Project>> {
    return this.#requester.json({ path: "/projects", query: { ...params }, ...options }, ProjectPageSchema);
  }

  /** Makes or changes a project; what is left out stays as it is. */
  put(projectId: string, request: PutProjectRequest, options?: CallOptions): Promise<Project> {
    return this.#requester.json({ method: "PUT", path: pathOf(projectId), body: request, ...options }, ProjectSchema);
  }

  /** Keeps a secret for the steps that name its scope. */
  putSecret(projectId: string, secret: SecretName, value: string, options?: CallOptions): Promise<SecretName> {
    return this.#requester.json(
      { method: "PUT", path: secretPath(projectId, secret), body: { value }, ...options },
      SecretNameSchema,
    );
  }

  deleteSecret(projectId: string, secret: SecretName, options?: CallOptions): Promise<SecretName> {
    return this.#requester.json(
      { method: "DELETE", path: secretPath(projectId, secret), ...options },
      SecretNameSchema,
    );
  }
}

function pathOf(projectId: string): string {
  return `/projects/${encodeURIComponent(projectId)}`;
}

function secretPath(projectId: string, { scope, name }: SecretName): string {
  return `${pathOf(projectId)}/secrets/${encodeURIComponent(scope)}/${encodeURIComponent(name)}`;
}
