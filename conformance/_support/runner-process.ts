import { join } from "node:path";

import { Service } from "./service.ts";

const MAIN = join(import.meta.dirname, "../../apps/runner/src/main.ts");

export interface RunnerSettings {
  /** Where it dials: the server, or a proxy before it. */
  readonly url: string;
  readonly dataDir: string;
  readonly enrolmentToken: string;
  readonly slots?: number;
  readonly sandbox?: "auto" | "required" | "none";
  readonly env?: Record<string, string>;
}

/** The runner app, with an identity that stays the same. */
export class RunnerProcess extends Service {
  readonly dataDir: string;
  readonly #settings: RunnerSettings;
  #id: string | undefined;

  constructor(settings: RunnerSettings) {
    super();
    this.#settings = settings;
    this.dataDir = settings.dataDir;
  }

  get id(): string {
    if (this.#id === undefined) throw new Error("the runner is not enrolled yet");
    return this.#id;
  }

  /** Starts it; resolves when it is connected. */
  async start(): Promise<void> {
    this.launch();
    await this.says("connected to the control plane");
    this.#id ??= /"runnerId":"([^"]+)","msg":"enrolled"/.exec(this.said)?.[1];
  }

  /** Starts it and does not wait. */
  launch(): void {
    const { url, dataDir, enrolmentToken, slots = 5, sandbox = "none", env = {} } = this.#settings;
    this.spawn([process.execPath, MAIN], {
      HOME: dataDir,
      SIGNALBOX_URL: url,
      SIGNALBOX_RUNNER_DATA_DIR: dataDir,
      SIGNALBOX_ENROLMENT_TOKEN: enrolmentToken,
      SIGNALBOX_RUNNER_SLOTS: String(slots),
      SIGNALBOX_RUNNER_SANDBOX: sandbox,
      SIGNALBOX_RUNNER_ALLOW_FILE_REPOS: "true",
      ...env,
    });
  }
}
