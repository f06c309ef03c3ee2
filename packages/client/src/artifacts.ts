import { ArtifactSchema, type Artifact } from "@signalbox/protocol";

import { Download } from "./download.ts";
import type { CallOptions, Requester } from "./request.ts";

/** What runs produced and kept. The list of a run's artifacts is part of `runs.get`. */
export class ArtifactsClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  get(artifactId: string, options?: CallOptions): Promise<Artifact> {
    return this.#requester.json({ path: pathOf(artifactId), ...options }, ArtifactSchema);
  }

  /** The content; its sha256 is the artifact's. */
  async download(artifactId: string, options?: CallOptions): Promise<Download> {
    return new Download(
      await this.#requester.open({ path: `${pathOf(artifactId)}/content`, accept: "*/*", ...options }),
    );
  }
}

function pathOf(artifactId: string): string {
  return `/artifacts/${encodeURIComponent(artifactId)}`;
}
