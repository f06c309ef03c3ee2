import { readFile } from "node:fs/promises";

/** A file outside of all workspaces in which steps leave a line for each time that they have an effect. */
export class Effects {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** Shell text that has the effect once: a line with the step's idempotency key and its attempt. */
  get shell(): string {
    return `echo "$SIGNALBOX_RUN_ID $SIGNALBOX_STEP $SIGNALBOX_IDEMPOTENCY_KEY $SIGNALBOX_ATTEMPT" >> '${this.file}'`;
  }

  /** Every effect so far. */
  async all(): Promise<{ runId: string; step: string; key: string; attemptId: string }[]> {
    const text = await readFile(this.file, "utf8").catch(() => "");
    const lines = text.split("\n").filter(Boolean);
    return lines.map((line) => {
      const [runId = "", step = "", key = "", attemptId = ""] = line.split(" ");
      return { runId, step, key, attemptId };
    });
  }

  /** How often each step of each run had its effect. */
  async counts(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const { key } of await this.all()) counts.set(key, (counts.get(key) ?? 0) + 1);
    return counts;
  }
}
