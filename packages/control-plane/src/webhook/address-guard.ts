import { BlockList, isIP } from "node:net";

/**
 * Which addresses a post may go to: those of the public internet, and those that the operator allows. Everything that
 * leads back to this machine, into its network, to the metadata of its cloud, or through a translation to any of these
 * is refused.
 */
export class AddressGuard {
  readonly #allowed: BlockList;

  /** `allowed` are addresses or CIDR ranges; throws a RangeError for what is neither. */
  constructor(allowed: readonly string[] = []) {
    this.#allowed = listOf(allowed);
  }

  isAllowed(address: string): boolean {
    const version = isIP(address);
    // An address with a zone is one of a link of this machine.
    if (version === 0 || address.includes("%")) return false;
    const family = version === 6 ? "ipv6" : "ipv4";
    if (this.#allowed.check(address, family)) return true;
    return version === 4 ? !NOT_PUBLIC_4.check(address, family) : isPublic6(address);
  }
}

/** Of IPv6 only what is given out to the world; what wraps or stands for an IPv4 address lies outside or is named below. */
function isPublic6(address: string): boolean {
  return GIVEN_OUT_6.check(address, "ipv6") && !NOT_PUBLIC_6.check(address, "ipv6");
}

const NOT_PUBLIC_4 = listOf([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
]);
const GIVEN_OUT_6 = listOf(["2000::/3"]);
/** Protocol assignments with Teredo, documentation, 6to4, documentation again. */
const NOT_PUBLIC_6 = listOf(["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]);

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const version = isIP(address);
    if (version === 0) throw new RangeError(`${network} is neither an address nor a range of them`);
    const family = version === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
