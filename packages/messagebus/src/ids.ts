import { randomFillSync } from "node:crypto";

/** Fills a buffer with random bytes; injected so that a test can know them. */
export type RandomFill = (buffer: Buffer) => void;

const ID_BYTES = 16;
// One system call for 256 ids.
const POOL_BYTES = ID_BYTES * 256;

/** Makes ids of 128 random bits, as 32 hexadecimal digits. */
export class RandomIds {
  readonly #fill: RandomFill;
  readonly #pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  #used = POOL_BYTES;

  constructor(fill: RandomFill = (buffer) => void randomFillSync(buffer)) {
    this.#fill = fill;
  }

  next(): string {
    if (this.#used === POOL_BYTES) {
      this.#fill(this.#pool);
      this.#used = 0;
    }
    return this.#pool.toString("hex", this.#used, (this.#used += ID_BYTES));
  }
}
