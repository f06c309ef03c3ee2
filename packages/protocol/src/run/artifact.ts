import * as z from "zod";

import { TimestampSchema } from "../timestamp.ts";
import { WorkspacePathSchema } from "./workspace-path.ts";

const Sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "must be a sha256 in hex");

/** Something that a run produced, kept by content. `type` is what it is for, `kind` its format. */
export const ArtifactSchema = z.object({
  id: z.string(),
  runId: z.string(),
  step: z.string(),
  type: z.string(),
  kind: z.string(),
  path: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  createdAt: TimestampSchema,
});
export type Artifact = z.infer<typeof ArtifactSchema>;

/** One file of a workspace, by content. */
export const WorkspaceEntrySchema = z.strictObject({
  path: WorkspacePathSchema,
  sha256: Sha256Schema,
  bytes: z.int().min(0),
  executable: z.boolean().default(false),
});
export type WorkspaceEntry = z.infer<typeof WorkspaceEntrySchema>;

/** The files of a workspace at one moment, sorted by path. With a repository: what differs from its commit. */
export const WorkspaceManifestSchema = z.strictObject({
  v: z.literal(1),
  commit: z.string().nullable(),
  files: z.array(WorkspaceEntrySchema),
  /** Paths that the commit has and the workspace has not. */
  deleted: z.array(WorkspacePathSchema),
});
export type WorkspaceManifest = z.infer<typeof WorkspaceManifestSchema>;

/** What one attempt changed, against the manifest it began from. */
export const WorkspaceChangesSchema = z.strictObject({
  v: z.literal(1),
  commit: z.string().nullable(),
  written: z.array(WorkspaceEntrySchema),
  deleted: z.array(WorkspacePathSchema),
  /** True when there were more changes than the limit `workspace.files`; the rest is not kept. */
  truncated: z.boolean(),
});
export type WorkspaceChanges = z.infer<typeof WorkspaceChangesSchema>;

/** One line of a workspace listing. `type` follows the extension. */
export const WorkspaceFileSchema = z.object({
  path: z.string(),
  bytes: z.int(),
  type: z.string(),
  sha256: z.string(),
});
export type WorkspaceFile = z.infer<typeof WorkspaceFileSchema>;

const KINDS: Readonly<Record<string, string>> = {
  md: "markdown",
  markdown: "markdown",
  txt: "text",
  log: "text",
  html: "html",
  htm: "html",
  css: "css",
  json: "json",
  yaml: "yaml",
  yml: "yaml",
  toml: "toml",
  xml: "xml",
  csv: "csv",
  tsv: "csv",
  sql: "sql",
  ts: "typescript",
  tsx: "typescript",
  mts: "typescript",
  js: "javascript",
  jsx: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  py: "python",
  rs: "rust",
  go: "go",
  java: "java",
  c: "c",
  h: "c",
  cpp: "cpp",
  sh: "shell",
  rb: "ruby",
  png: "image",
  jpg: "image",
  jpeg: "image",
  gif: "image",
  svg: "image",
  webp: "image",
  pdf: "pdf",
  zip: "archive",
  gz: "archive",
  tar: "archive",
  diff: "diff",
  patch: "diff",
};
const DOCUMENT_KINDS = new Set(["markdown", "text", "html", "pdf", "image", "csv"]);

/** The format of a file, by the ending of its name; `binary` where the ending says nothing. */
export function kindOfPath(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  const ending = dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
  return Object.hasOwn(KINDS, ending) ? (KINDS[ending] ?? "binary") : "binary";
}

/** What a produced file is for: `code`, `document`, `diff`, `archive`, `data` or `file`. */
export function artifactTypeOfKind(kind: string): string {
  if (DOCUMENT_KINDS.has(kind)) return "document";
  if (kind === "diff" || kind === "archive") return kind;
  if (kind === "binary") return "file";
  return kind === "json" || kind === "yaml" || kind === "xml" || kind === "toml" ? "data" : "code";
}
