/** How a suite is to be run. */
export interface BenchOptions {
  /** Shorter measurements and fewer contestants; the figures are rougher. */
  readonly isQuick: boolean;
  /** How often each contestant has its turn; the figures are medians. */
  readonly rounds: number;
  /** Where CPU profiles of Signalbox's processes go; absent: none are made. */
  readonly profileDir?: string;
  /** Tells that something is going on. */
  readonly say: (words: string) => void;
}
