import {
  EnvNameSchema,
  limit,
  page,
  PaginationParamsSchema,
  ProjectIdSchema,
  PutProjectRequestSchema,
  PutSecretRequestSchema,
  toTimestamp,
  type ApiResponse,
  type Page,
  type PaginationParams,
  type Project,
  type PutProjectRequest,
  type PutSecretRequest,
  type TaskType,
} from "@signalbox/protocol";
import {
  readPolicy,
  readProject,
  readProjects,
  readSecrets,
  type ProjectRow,
  type SignalboxStore,
} from "@signalbox/store";
import * as z from "zod";

import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import { idempotencyOf, LOCAL_CONTEXT, requireScope, type RequestContext } from "../request-context.ts";
import type { SecretVault } from "./secret-vault.ts";

const ScopeNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$/, "must be a word");

/** What a `ProjectHandler` works with. */
export interface ProjectHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly vault: SecretVault;
}

/** Projects: what their steps may see and run, and their secrets. */
export class ProjectHandler {
  readonly #deps: ProjectHandlerDeps;

  constructor(deps: ProjectHandlerDeps) {
    this.#deps = deps;
  }

  /** Makes a project, or changes what the request names of it. */
  async putProject(
    projectId: string,
    request: PutProjectRequest,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Project & { created: boolean }>> {
    return answer(async () => {
      requireScope(context, "projects:write");
      const id = check(ProjectIdSchema, projectId, "id");
      const wanted = check(PutProjectRequestSchema, request);
      if (wanted.id !== undefined && wanted.id !== id) {
        throw new ControlPlaneError("VALIDATION_ERROR", `id: the body says ${wanted.id}, the path ${id}`, {
          issues: [{ path: "id", message: "differs from the path" }],
        });
      }
      const now = this.#deps.clock.now();
      const { row, created } = await this.#deps.store.run("putProject", {
        orgId: context.principal.orgId,
        id,
        name: wanted.name,
        taskType: wanted.taskType,
        repo: wanted.repo ? JSON.stringify(wanted.repo) : wanted.repo,
        env: wanted.env && JSON.stringify(wanted.env),
        commands: wanted.commands && JSON.stringify(wanted.commands),
        approvals: wanted.approvals,
        now,
        idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
      });
      return { ...(await this.#view(row)), created };
    });
  }

  /** One project. */
  async getProject(projectId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Project>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const row = await this.#deps.store.view(() => readProject(context.principal.orgId, projectId));
      if (!row) throw new NotFoundError("project", projectId);
      return this.#view(row);
    });
  }

  /** Projects by id. */
  async listProjects(
    params: Partial<PaginationParams> = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Page<Project>>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const wanted = check(PaginationParamsSchema, params);
      const { rows, total } = await this.#deps.store.view(() =>
        readProjects(context.principal.orgId, wanted.pageSize, (wanted.page - 1) * wanted.pageSize),
      );
      return page(await Promise.all(rows.map((row) => this.#view(row))), total, wanted);
    });
  }

  /** Keeps a secret of a project. Its value cannot be read back; steps with its scope get it. */
  async putSecret(
    projectId: string,
    scope: string,
    name: string,
    request: PutSecretRequest,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ scope: string; name: string }>> {
    return answer(async () => {
      requireScope(context, "projects:write");
      const where = { orgId: context.principal.orgId, projectId, scope: check(ScopeNameSchema, scope, "scope") };
      const secret = {
        name: check(EnvNameSchema(), name, "name"),
        value: check(PutSecretRequestSchema, request).value,
      };
      await this.#deps.vault.put(where, secret, this.#deps.clock.now());
      return { scope, name };
    });
  }

  /** Forgets a secret. */
  async deleteSecret(
    projectId: string,
    scope: string,
    name: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ scope: string; name: string }>> {
    return answer(async () => {
      requireScope(context, "projects:write");
      const wasThere = await this.#deps.store.run("deleteSecret", {
        orgId: context.principal.orgId,
        projectId,
        scope,
        name,
      });
      if (!wasThere) throw new ControlPlaneError("NOT_FOUND", `project ${projectId} has no secret ${scope}/${name}`);
      return { scope, name };
    });
  }

  async #view(row: ProjectRow): Promise<Project> {
    const secrets: Record<string, string[]> = {};
    for (const { scope, name } of await this.#deps.store.view(() => readSecrets(row.org_id, row.id)))
      (secrets[scope] ??= []).push(name);
    return {
      id: row.id,
      orgId: row.org_id,
      name: row.name,
      ...(row.task_type === null ? {} : { taskType: row.task_type as TaskType }),
      ...(row.repo === null ? {} : { repo: JSON.parse(row.repo) as Project["repo"] & object }),
      env: JSON.parse(row.env) as Project["env"],
      commands: JSON.parse(row.commands) as Project["commands"],
      approvals: readPolicy(row.approvals),
      secrets,
      createdAt: toTimestamp(row.created_at),
      updatedAt: toTimestamp(row.updated_at),
    };
  }
}
