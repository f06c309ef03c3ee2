import { limit, type PullRequest } from "@signalbox/protocol";
import * as z from "zod";

import { createRedactor } from "../redaction/redactor.ts";
import { kindOfAnswer, PullRequestFailure, retryAfterOf } from "./pull-request-failure.ts";

/** A pull request as it stands on its host. */
export interface OpenedPullRequest {
  readonly number: number;
  readonly url: string;
}

export interface PullRequestsSettings {
  readonly apiUrl: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Waits, or rejects when the signal is aborted first. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

const PullSchema = z.object({ number: z.int(), html_url: z.url({ protocol: /^https?$/ }) });
const ErrorSchema = z.object({
  message: z.string().optional(),
  errors: z.array(z.object({ message: z.string().optional() })).optional(),
});

/** Pull requests of one repository, by the REST API of GitHub (version 2022-11-28). Three calls need no library. */
export class PullRequests {
  readonly #settings: PullRequestsSettings;

  constructor(settings: PullRequestsSettings) {
    this.#settings = settings;
  }

  /** Opens one for a branch, unless there is one already: then it is that. A host that is unwell is asked again, a few times. */
  async open(branch: string, wanted: PullRequest): Promise<OpenedPullRequest> {
    const { wait, signal } = this.#settings;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#openOnce(branch, wanted);
      } catch (error) {
        if (!(error instanceof PullRequestFailure) || !error.isPassing) throw error;
        const waitMs = error.retryAfterMs ?? limit("publish.retryMs") * 2 ** (tries - 1);
        if (tries >= limit("publish.tries") || waitMs > limit("publish.retryMaxMs")) throw error;
        await wait(waitMs, signal);
      }
    }
  }

  /** Looks before it asks: a try whose answer was lost may have opened it. */
  async #openOnce(branch: string, { title, body, target }: PullRequest): Promise<OpenedPullRequest> {
    const base = target ?? (await this.#defaultBranch());
    const found = await this.#find(branch, base);
    if (found) return found;
    const { repository } = this.#settings;
    const response = await this.#call("POST", `/repos/${repository}/pulls`, { title, body, head: branch, base });
    if (response.status === 201) return toPullRequest(await read(response, PullSchema));
    // Another try of the same step may have been first.
    const made = response.status === 422 ? await this.#find(branch, base) : undefined;
    if (made) return made;
    throw await this.#failure(response, `the pull request of ${branch} was not opened`);
  }

  async #defaultBranch(): Promise<string> {
    const response = await this.#call("GET", `/repos/${this.#settings.repository}`);
    if (!response.ok) throw await this.#failure(response, `the repository ${this.#settings.repository} cannot be read`);
    return (await read(response, z.object({ default_branch: z.string().min(1) }))).default_branch;
  }

  async #find(branch: string, base: string): Promise<OpenedPullRequest | undefined> {
    const { repository } = this.#settings;
    const [owner = ""] = repository.split("/");
    const query = new URLSearchParams({ state: "open", head: `${owner}:${branch}`, base });
    const response = await this.#call("GET", `/repos/${repository}/pulls?${query.toString()}`);
    if (!response.ok) throw await this.#failure(response, `the pull requests of ${repository} cannot be read`);
    const [found] = await read(response, z.array(PullSchema));
    return found && toPullRequest(found);
  }

  async #call(method: "GET" | "POST", path: string, body?: object): Promise<Response> {
    const { apiUrl, token, signal, repository } = this.#settings;
    const timeout = AbortSignal.timeout(limit("publish.requestMs"));
    try {
      return await fetch(`${apiUrl.replace(/\/$/, "")}${path}`, {
        method,
        headers: {
          accept: "application/vnd.github+json",
          "x-github-api-version": "2022-11-28",
          "user-agent": "signalbox",
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "error",
        signal: AbortSignal.any([signal, timeout]),
      });
    } catch (error) {
      if (signal.aborted) throw error;
      const why = timeout.aborted ? "it did not answer in time" : messageOf(error);
      throw new PullRequestFailure("PR_UNAVAILABLE", `the host of ${repository} cannot be reached: ${why}`, {
        cause: error,
      });
    }
  }

  async #failure(response: Response, what: string): Promise<PullRequestFailure> {
    const { data } = ErrorSchema.safeParse(await response.json().catch(() => undefined));
    const words = [data?.message, ...(data?.errors ?? []).map(({ message }) => message)].filter(Boolean).join("; ");
    const { token, now } = this.#settings;
    const clean = createRedactor([{ name: "GITHUB_TOKEN", value: token }]).redactText(words);
    const retryAfterMs = retryAfterOf(response.headers, now());
    const later = retryAfterMs === undefined ? "" : ` (again in ${Math.ceil(retryAfterMs / 1_000)} s)`;
    const kind = kindOfAnswer(response.status, response.headers);
    return new PullRequestFailure(kind, `${what}: ${response.status} ${clean}${later}`.trim(), { retryAfterMs });
  }
}

function toPullRequest({ number, html_url: url }: z.infer<typeof PullSchema>): OpenedPullRequest {
  return { number, url };
}

async function read<Schema extends z.ZodType>(response: Response, schema: Schema): Promise<z.output<Schema>> {
  const answer = schema.safeParse(await response.json().catch(() => undefined));
  if (answer.success) return answer.data;
  throw new PullRequestFailure("PR_UNAVAILABLE", `the host answered ${response.status} with something unexpected`);
}

function messageOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
