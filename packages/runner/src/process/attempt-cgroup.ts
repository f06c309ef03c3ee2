import { access, constants, mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * A cgroup (version 2) of one attempt: no descendant can leave it, so its kill reaches every one, however it detached.
 * Works where the runner was given a writable cgroup (systemd: `Delegate=yes`) and the kernel has `cgroup.kill`
 * (Linux 5.14); see the kernel's admin guide, "Control Group v2".
 */
export class AttemptCgroup implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes `<parent>/attempt-<attemptId>`; undefined when the parent is no cgroup that the runner may divide. */
  static async create(parent: string, attemptId: string): Promise<AttemptCgroup | undefined> {
    const directory = join(parent, `attempt-${attemptId}`);
    try {
      await mkdir(directory);
      await access(join(directory, "cgroup.kill"), constants.W_OK);
      return new AttemptCgroup(directory);
    } catch {
      await rmdir(directory).catch(() => undefined);
      return undefined;
    }
  }

  /**
   * The command that puts itself into the cgroup and then becomes `argv`: moving a process after its start would miss
   * what it forked before. Needs /bin/sh.
   */
  enter(argv: readonly string[]): string[] {
    return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', join(this.directory, "cgroup.procs"), ...argv];
  }

  /** Kills every process in it; a cgroup that is gone has none. */
  async kill(): Promise<void> {
    await writeFile(join(this.directory, "cgroup.kill"), "1").catch(() => undefined);
  }

  /** The pids in it, zombies left out by the kernel; none when it is gone. */
  async processes(): Promise<number[]> {
    const text = await readFile(join(this.directory, "cgroup.procs"), "utf8").catch(() => "");
    return text.split("\n").filter(Boolean).map(Number);
  }

  /** Removes the cgroup when it is empty; one that still has processes stays, and so does its limit on them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rmdir(this.directory).catch(() => undefined);
  }
}
