/** A kind of machine, as far as it decides which native program of an agent runs on it. */
export interface Platform {
  readonly os: NodeJS.Platform;
  readonly arch: NodeJS.Architecture;
  /** The C library on Linux. */
  readonly libc: "glibc" | "musl" | undefined;
  /** The Node.js that runs agents written in JavaScript. */
  readonly node: string;
}

/** The machine and the Node.js that this process runs on. */
export function thisPlatform(): Platform {
  return { os: process.platform, arch: process.arch, libc: libcOfThisProcess(), node: process.execPath };
}

/** Node.js names the glibc that it was loaded with; where there is none, it is musl. */
function libcOfThisProcess(): Platform["libc"] {
  if (process.platform !== "linux") return undefined;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined ? "musl" : "glibc";
}
