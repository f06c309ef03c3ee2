import type { RunnerLoad } from "@signalbox/protocol";
import { readFileSync, statfsSync } from "node:fs";
import { cpus, freemem, totalmem } from "node:os";

/** How busy this machine is, in percent. The processor's figure is the mean since the sample before. */
export class LoadSampler {
  readonly #directory: string;
  #cpu = cpuTimes();

  /** `directory` tells which disk counts. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  sample(): RunnerLoad {
    const before = this.#cpu;
    this.#cpu = cpuTimes();
    const total = this.#cpu.total - before.total;
    const busy = total > 0 ? 1 - (this.#cpu.idle - before.idle) / total : 0;
    return {
      cpuPercent: percent(busy),
      memoryPercent: percent(1 - availableMemory() / totalmem()),
      diskPercent: this.#disk(),
    };
  }

  #disk(): number {
    try {
      const { blocks, bavail } = statfsSync(this.#directory);
      return percent(1 - bavail / blocks);
    } catch {
      return 0;
    }
  }
}

function cpuTimes(): { idle: number; total: number } {
  const times = cpus().map(({ times: each }) => each);
  const idle = times.reduce((sum, each) => sum + each.idle, 0);
  return { idle, total: times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, idle) };
}

/** What the kernel could give, its caches included; where it does not say, what is free. */
function availableMemory(): number {
  try {
    const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
    return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
  } catch {
    return freemem();
  }
}

function percent(share: number): number {
  return Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
}
