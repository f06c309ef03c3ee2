import { limit } from "@signalbox/protocol";

const CALLERS_KEPT = 10_000;

/** Counts what callers without a credential do, by address, so that guessing and flooding stay slow. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor({ perSecond = limit("http.anonymousPerSecond"), now }: { perSecond?: number; now: () => number }) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** Takes one of the caller's turns; false when it has none left. A second's worth can be used at once. */
  take(address: string): boolean {
    const bucket = this.#bucketOf(address);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #bucketOf(address: string): { tokens: number; atMs: number } {
    const nowMs = this.#now();
    const key = networkOf(address);
    const bucket = this.#buckets.get(key);
    if (bucket) {
      bucket.tokens = Math.min(this.#perSecond, bucket.tokens + ((nowMs - bucket.atMs) * this.#perSecond) / 1_000);
      bucket.atMs = nowMs;
      return bucket;
    }
    // Forgetting everybody is rare, cheap, and gives nobody more than one more second's worth.
    if (this.#buckets.size >= CALLERS_KEPT) this.#buckets.clear();
    const fresh = { tokens: this.#perSecond, atMs: nowMs };
    this.#buckets.set(key, fresh);
    return fresh;
  }
}

/** One caller has a whole /64 of IPv6 addresses to itself. */
function networkOf(address: string): string {
  if (address.includes(".")) return address;
  const [leading = ""] = address.split("::", 1);
  return leading.split(":").slice(0, 4).join(":");
}
