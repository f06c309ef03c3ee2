import { WorkspaceFileSchema, type WorkspaceFile } from "@signalbox/protocol";
import * as z from "zod";

import { Download } from "./download.ts";
import type { CallOptions, Requester } from "./request.ts";

const FileListSchema = z.object({ runId: z.string(), files: z.array(WorkspaceFileSchema) });

/** The files of a run's workspace. */
export class FilesClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  list(runId: string, options?: CallOptions): Promise<{ runId: string; files: WorkspaceFile[] }> {
    return this.#requester.json({ path: `/runs/${encodeURIComponent(runId)}/files`, ...options }, FileListSchema);
  }

  /** One file by its path in the workspace. */
  async download(runId: string, path: string, options?: CallOptions): Promise<Download> {
    const encoded = path.split("/").map(encodeURIComponent).join("/");
    const request = { path: `/runs/${encodeURIComponent(runId)}/files/${encoded}`, accept: "*/*", ...options };
    return new Download(await this.#requester.open(request));
  }
}
