import { limitsWith } from "@signalbox/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { systemClock } from "../clock.ts";
import { AddressGuard } from "./address-guard.ts";
import { Poster } from "./post-message.ts";

/** One network of each kind that leads back inside, as its first address and how many there are. */
const INSIDE: readonly (readonly [first: number, count: number])[] = [
  [0x00_00_00_00, 1 << 24],
  [0x0a_00_00_00, 1 << 24],
  [0x64_40_00_00, 1 << 22],
  [0x7f_00_00_00, 1 << 24],
  [0xa9_fe_00_00, 1 << 16],
  [0xac_10_00_00, 1 << 20],
  [0xc0_00_00_00, 1 << 8],
  [0xc0_a8_00_00, 1 << 16],
  [0xc6_12_00_00, 1 << 17],
  [0xe0_00_00_00, 1 << 28],
  [0xf0_00_00_00, 1 << 28],
];

const WIDE_DIGITS = "０１２３４５６７８９";
const bytesOf = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff);
const hextets = (address: number) => `${(address >>> 16).toString(16)}:${(address & 0xffff).toString(16)}`;
const dotted = (address: number) => bytesOf(address).join(".");
const lastTwo = (address: number) => (address & 0xffff) >>> 0;

/** Every way to write an IPv4 address into a URL that a browser or a resolver takes for it, or for a way to it. */
const SPELLINGS: Readonly<Record<string, (address: number) => string>> = {
  dotted,
  "with a dot at its end": (address) => `${dotted(address)}.`,
  "one number": String,
  "one hexadecimal number": (address) => `0x${address.toString(16)}`,
  "one octal number": (address) => `0${address.toString(8)}`,
  "hexadecimal parts": (address) =>
    bytesOf(address)
      .map((byte) => `0x${byte.toString(16)}`)
      .join("."),
  "octal parts": (address) =>
    bytesOf(address)
      .map((byte) => `0${byte.toString(8)}`)
      .join("."),
  "three parts": (address) => [...bytesOf(address).slice(0, 2), lastTwo(address)].join("."),
  "two parts": (address) => `${address >>> 24}.${address & 0xff_ff_ff}`,
  "wide digits": (address) => dotted(address).replaceAll(/\d/g, (digit) => WIDE_DIGITS.charAt(Number(digit))),
  "percent signs": (address) => dotted(address).replaceAll(/\d/g, (digit) => `%3${digit}`),
  "wide dots": (address) => dotted(address).replaceAll(".", "。"),
  "mapped into IPv6": (address) => `[::ffff:${dotted(address)}]`,
  "mapped, in hexadecimal": (address) => `[::ffff:${hextets(address)}]`,
  "compatible with IPv4": (address) => `[::${hextets(address)}]`,
  "translated (SIIT)": (address) => `[::ffff:0:${hextets(address)}]`,
  NAT64: (address) => `[64:ff9b::${hextets(address)}]`,
  "local NAT64": (address) => `[64:ff9b:1::${hextets(address)}]`,
  "6to4": (address) => `[2002:${hextets(address)}::]`,
};

const addresses = fc
  .constantFrom(...INSIDE)
  .chain(([first, count]) => fc.nat(count - 1).map((offset) => (first + offset) >>> 0));

const poster = new Poster({
  guard: new AddressGuard(),
  limits: limitsWith(),
  clock: systemClock,
  resolve: async (name) => {
    throw new Error(`a name was asked for: ${name}`);
  },
});

// Red without the lists of the guard, each for its half.
describe("an address inside", () => {
  it.each(Object.keys(SPELLINGS))("is refused however it is written: %s", async (spelling) => {
    await fc.assert(
      fc.asyncProperty(addresses, fc.constantFrom("http", "https"), async (address, scheme) => {
        const url = `${scheme}://${SPELLINGS[spelling]?.(address)}/`;

        expect(await poster.refusalOf(url)).toBe("address_refused");
      }),
      { numRuns: 200 },
    );
  });
});
