import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";

const SSHD = "/usr/sbin/sshd";

/** Why no ssh server can be had here; undefined when one can. */
export function whyNoSsh(): string | undefined {
  return existsSync(SSHD) ? undefined : `${SSHD} is missing (Debian package openssh-server)`;
}

/** An ssh server on a free port of this machine: its own host key, and one key that it lets in as the user of the tests. */
export class SshServer implements AsyncDisposable {
  readonly port: number;
  /** The private key that is let in, and the line that says who the server is. */
  readonly keyFile: string;
  readonly knownHostsFile: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, port: number, process: ChildProcess) {
    this.port = port;
    this.keyFile = join(folder, "user");
    this.knownHostsFile = join(folder, "known_hosts");
    this.#process = process;
  }

  /** Starts one with its files in a folder that is nobody else's. */
  static async start(folder: string): Promise<SshServer> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // The folder of privilege separation, which a service makes at its start.
    if (userInfo().uid === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
    for (const name of ["host", "user"])
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", join(folder, name)]);
    const port = await freePort();
    const keyOf = (name: string): string => execFileSync("cat", [join(folder, `${name}.pub`)], { encoding: "utf8" });
    await writeFile(join(folder, "known_hosts"), `[127.0.0.1]:${port} ${keyOf("host")}`);
    await writeFile(join(folder, "authorized_keys"), keyOf("user"), { mode: 0o600 });
    await writeFile(join(folder, "sshd_config"), configOf(folder, port));
    const sshd = spawn(SSHD, ["-D", "-e", "-f", join(folder, "sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
    await listening(sshd);
    return new SshServer(folder, port, sshd);
  }

  /** The URL of a folder of this machine, as the user of the tests. */
  urlOf(path: string): string {
    return `ssh://${userInfo().username}@127.0.0.1:${this.port}${path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill();
    await gone;
  }
}

function configOf(folder: string, port: number): string {
  const lines = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(folder, "host")}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    // The folders of tests are below one that everybody may write to.
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
  ];
  return `${lines.join("\n")}\n`;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Resolves when it says that it listens. */
async function listening(sshd: ChildProcess): Promise<void> {
  let said = "";
  for await (const chunk of sshd.stderr?.iterator({ destroyOnReturn: false }) ?? []) {
    said += String(chunk);
    if (said.includes("Server listening")) {
      sshd.stderr?.resume();
      return;
    }
  }
  throw new Error(`the ssh server did not start: ${said}`);
}
