import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** The Ed25519 key by which a control plane knows this machine. It is made here and never leaves. */
export interface RunnerKey {
  /** SPKI in DER, base64. */
  readonly publicKey: string;
  /** Signature over a text, base64. */
  sign(text: string): string;
}

/** The key in `file`, made on first use and readable by its owner only. */
export async function loadRunnerKey(file: string): Promise<RunnerKey> {
  const stored = await readFile(file, "utf8").catch(absentAsUndefined);
  if (stored !== undefined) return toRunnerKey(stored);

  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await writePrivately(file, pem);
  return toRunnerKey(pem);
}

/** Replaces a file at once and for good: whoever reads sees the old or the new content, also after a power cut. */
export async function writePrivately(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.new`;
  {
    await using handle = await open(temporary, "w", 0o600);
    await handle.chmod(0o600);
    await handle.writeFile(content);
    await handle.sync();
  }
  await rename(temporary, file);
  await using directory = await open(dirname(file), "r");
  await directory.sync();
}

/** For `catch`: a file that is not there is no error. */
export function absentAsUndefined(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

function toRunnerKey(pem: string): RunnerKey {
  const privateKey = createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
  return { publicKey, sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64") };
}
