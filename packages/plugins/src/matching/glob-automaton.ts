/**
 * A glob as an automaton that is in all its possible states at once: bit `i` is set while the first `i` tokens have matched
 * what was read so far. A character moves 32 states with a handful of operations, so nothing is ever tried twice and no
 * glob can make it slow.
 *
 * Paths are read with a slash after each level, so that `**` can begin and end only where a level does.
 */
export class GlobAutomaton {
  readonly #words: number;
  readonly #final: number;
  /** For each character of the glob, the states that it leads on from. */
  readonly #moves = new Map<number, Int32Array>();
  /** The states before a `?`, which any other character but a slash leads on from. */
  readonly #anyMoves: Int32Array;
  /** The states before a `*`: they outlast every character but a slash and need none to be left. */
  readonly #inLevel: Int32Array;
  /** The states before a `**`: they outlast every character, and can be left where a level begins. */
  readonly #acrossLevels: Int32Array;

  /** Takes the levels of a glob, none of them empty. */
  constructor(levels: readonly string[]) {
    const tokens = tokensOf(levels);
    this.#final = tokens.length;
    this.#words = (tokens.length >>> 5) + 1;
    this.#anyMoves = this.#states(tokens, ANY);
    this.#inLevel = this.#states(tokens, ANY_RUN);
    this.#acrossLevels = this.#states(tokens, ANY_LEVELS);
    for (const character of new Set(tokens.filter((token) => token >= 0))) {
      const states = this.#states(tokens, character);
      if (character !== SLASH) states.forEach((word, i) => (states[i] = word | (this.#anyMoves[i] ?? 0)));
      this.#moves.set(character, states);
    }
  }

  /** Whether a path, with a slash after each level and no level empty, is one that the glob means. */
  accepts(path: string): boolean {
    const states = new Int32Array(this.#words);
    this.#enter(states);
    for (let i = 0; i < path.length; i++) {
      const character = path.codePointAt(i) ?? SLASH;
      if (character > 0xffff) i++;
      if (!this.#step(states, character)) return false;
    }
    return hasBit(states, this.#final);
  }

  /** The first state and, as no character is needed to leave a wildcard, those that it reaches at once. */
  #enter(states: Int32Array): void {
    states[0] = 1;
    for (let bit = 0; hasBit(this.#inLevel, bit) || hasBit(this.#acrossLevels, bit); bit++) setBit(states, bit + 1);
  }

  /** Moves all states over one character; false when none is left. */
  #step(states: Int32Array, character: number): boolean {
    const isSlash = character === SLASH;
    const moves = this.#moves.get(character) ?? (isSlash ? undefined : this.#anyMoves);
    let carry = 0;
    let alive = 0;
    for (let word = 0; word < this.#words; word++) {
      const before = states[word] ?? 0;
      const inLevel = this.#inLevel[word] ?? 0;
      const acrossLevels = this.#acrossLevels[word] ?? 0;
      const moved = before & (moves?.[word] ?? 0);
      const stayed = before & (isSlash ? acrossLevels : inLevel | acrossLevels);
      const leavable = isSlash ? inLevel | acrossLevels : inLevel;
      let after = (moved << 1) | stayed | carry;
      // Twice: `**` and then `*` is the longest row of wildcards.
      after |= (after & leavable) << 1;
      after |= (after & leavable) << 1;
      carry = (moved >>> 31) | ((after & leavable) >>> 31);
      states[word] = after;
      alive |= after;
    }
    return alive !== 0;
  }

  #states(tokens: readonly number[], wanted: number): Int32Array {
    const states = new Int32Array(this.#words);
    for (const [at, token] of tokens.entries()) if (token === wanted) setBit(states, at);
    return states;
  }
}

const SLASH = 47;
/** Tokens that are no characters. */
const ANY = -1;
const ANY_RUN = -2;
const ANY_LEVELS = -3;

/** One number for each character or wildcard. A wildcard next to its like says nothing new. */
function tokensOf(levels: readonly string[]): number[] {
  const tokens: number[] = [];
  for (const level of levels) {
    if (level === "**") {
      if (tokens.at(-1) !== ANY_LEVELS) tokens.push(ANY_LEVELS);
      continue;
    }
    for (const character of level.replace(/\*+/g, "*")) tokens.push(tokenOf(character));
    tokens.push(SLASH);
  }
  return tokens;
}

function tokenOf(character: string): number {
  if (character === "*") return ANY_RUN;
  return character === "?" ? ANY : (character.codePointAt(0) ?? SLASH);
}

function hasBit(words: Int32Array, bit: number): boolean {
  return ((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
}

function setBit(words: Int32Array, bit: number): void {
  words[bit >>> 5] = (words[bit >>> 5] ?? 0) | (1 << (bit & 31));
}
