import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { listen } from "@signalbox/testkit";
import type { Listening } from "@signalbox/testkit";

/** A file of a package; `mode` is 0o644 unless it is a program. */
export interface FixtureFile {
  readonly path: string;
  readonly text: string;
  readonly mode?: number;
}

export interface FixturePackage {
  readonly name: string;
  readonly version: string;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly files?: readonly FixtureFile[];
}

/** An npm registry on the loopback address that has what a test publishes. */
export interface FixtureRegistry extends AsyncDisposable {
  readonly url: string;
  /** The path of every request so far. */
  readonly asked: readonly string[];
  publish(fixture: FixturePackage): void;
  /** From now on tarballs are begun and never finished. */
  stall(): void;
}

export async function fixtureRegistry(): Promise<FixtureRegistry> {
  const packages = new Map<string, Map<string, { manifest: object; tarball: Buffer }>>();
  const asked: string[] = [];
  let isStalled = false;
  const api: Listening = await listen((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    asked.push(path);
    const [, name = "", version] = path.match(/^\/((?:@[^/]+\/)?[^/]+)(?:\/-\/(.+)\.tgz)?$/) ?? [];
    const versions = packages.get(name);
    if (!versions) return response.writeHead(404).end("{}");
    if (version === undefined) {
      const manifests = [...versions].map(([each, { manifest }]) => [each, manifest]);
      const document = { name, "dist-tags": {}, versions: Object.fromEntries(manifests) };
      return response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
    }
    const tarball = versions.get(version)?.tarball ?? Buffer.alloc(0);
    if (isStalled) return response.writeHead(200).write(tarball.subarray(0, 10));
    return response.writeHead(200).end(tarball);
  });
  return {
    url: `${api.url}/`,
    asked,
    stall: () => (isStalled = true),
    publish({ name, version, manifest = {}, files = [] }) {
      const tarball = pack([{ path: "package.json", text: JSON.stringify({ name, version, ...manifest }) }, ...files]);
      const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      const dist = { tarball: `${api.url}/${name}/-/${version}.tgz`, integrity };
      const versions = packages.get(name) ?? new Map<string, never>();
      packages.set(name, versions.set(version, { manifest: { name, version, ...manifest, dist }, tarball }));
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

/** A tarball as npm publishes it: everything below `package/`. */
function pack(files: readonly FixtureFile[]): Buffer {
  const blocks = files.flatMap(({ path, text, mode = 0o644 }) => {
    const content = Buffer.from(text);
    return [
      header(`package/${path}`, content.length, mode),
      content,
      Buffer.alloc((512 - (content.length % 512)) % 512),
    ];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** A ustar header; a path over 100 bytes is split at a slash. */
function header(path: string, size: number, mode: number): Buffer {
  const block = Buffer.alloc(512);
  const split = path.length > 100 ? path.lastIndexOf("/", 155) : -1;
  block.write(path.slice(split + 1), 0);
  block.write(`${mode.toString(8).padStart(7, "0")}\0`, 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  block.write("00000000000\0", 136);
  block.write("        ", 148);
  block.write("0", 156);
  block.write("ustar\x0000", 257);
  if (split > 0) block.write(path.slice(0, split), 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
