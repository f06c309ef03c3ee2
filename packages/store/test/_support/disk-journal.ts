import { basename } from "node:path";

/** One thing that a process did to a disk, or said, in the order in which it happened. */
export type DiskStep =
  | { readonly kind: "write"; readonly file: string; readonly bytes: Buffer; readonly offset: number }
  | { readonly kind: "truncate"; readonly file: string; readonly size: number }
  | { readonly kind: "unlink"; readonly file: string }
  | { readonly kind: "sync"; readonly file: string }
  | { readonly kind: "say"; readonly text: string };

/** The options under which strace reports what `readDiskJournal` reads. */
export const JOURNAL_OPTIONS = "-y -xx -s 1000000 -e trace=pwrite64,fsync,fdatasync,ftruncate,unlink,write".split(" ");

const CALL = /^\d+ +(\w+)\((.*)\) += \d+$/;
const HEX_TEXT = /\\x([0-9a-f]{2})/g;

/** Reads strace's report; files are named by the last part of their path. The database's shared memory is left out. */
export function readDiskJournal(calls: readonly string[]): DiskStep[] {
  return calls
    .flatMap((line) => {
      const [, name = "", args = ""] = CALL.exec(line) ?? [];
      return readStep(name, args);
    })
    .filter((step) => step.kind === "say" || !step.file.endsWith("-shm"));
}

function readStep(name: string, args: string): DiskStep[] {
  const file = basename(decode(/<([^>]*)>/.exec(args)?.[1] ?? "").toString());
  const text = decode(/"([^"]*)"/.exec(args)?.[1] ?? "");
  const lastNumber = Number(/(\d+)$/.exec(args)?.[1]);
  if (name === "pwrite64") return [{ kind: "write", file, bytes: text, offset: lastNumber }];
  if (name === "ftruncate") return [{ kind: "truncate", file, size: lastNumber }];
  if (name === "fsync" || name === "fdatasync") return [{ kind: "sync", file }];
  if (name === "unlink") return [{ kind: "unlink", file: basename(text.toString()) }];
  return args.startsWith("1<") ? [{ kind: "say", text: text.toString().trim() }] : [];
}

function decode(text: string): Buffer {
  return Buffer.from(Array.from(text.matchAll(HEX_TEXT), ([, digits = ""]) => digits).join(""), "hex");
}
