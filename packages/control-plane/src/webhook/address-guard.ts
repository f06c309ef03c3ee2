import { BlockList, isIP } from "node:net";

import { PortList } from "./port-list.ts";

/** Where posts may go. */
export interface GuardSettings {
  /** Addresses or CIDR ranges outside the public internet. Default none. */
  readonly networks?: readonly string[] | undefined;
  /** Ports, and ranges of them such as `8000-8999`, at every address. Default 80 and 443. */
  readonly ports?: readonly string[] | undefined;
  /** More ports, at addresses in `networks` alone. Default none. */
  readonly networkPorts?: readonly string[] | undefined;
}

/** Why a post may not go somewhere. */
export type GuardRefusal = "address_refused" | "port_refused";

const WEB_PORTS = ["80", "443"];

/**
 * Which addresses and ports a post may go to: those of the public internet on the ports of the web, and those that the
 * operator allows. Everything that leads back to this machine, into its network, to the metadata of its cloud, or through
 * a translation to any of these is refused; and so is what is no web server, wherever it is.
 */
export class AddressGuard {
  readonly #networks: BlockList;
  readonly #ports: PortList;
  readonly #networkPorts: PortList;

  /** Throws a RangeError for what is no network, and for what is no port. */
  constructor({ networks = [], ports = WEB_PORTS, networkPorts = [] }: GuardSettings = {}) {
    this.#networks = listOf(networks);
    this.#ports = new PortList(ports);
    this.#networkPorts = new PortList(networkPorts);
  }

  /** Why a post may not go to a port at an address; undefined where it may. */
  refusalOf(address: string, port: number): GuardRefusal | undefined {
    const version = isIP(address);
    // An address with a zone is one of a link of this machine.
    if (version === 0 || address.includes("%")) return "address_refused";
    const family = version === 6 ? "ipv6" : "ipv4";
    const isInNetworks = this.#networks.check(address, family);
    const isPublic = version === 4 ? !NOT_PUBLIC_4.check(address, family) : isPublic6(address);
    if (!isInNetworks && !isPublic) return "address_refused";
    return this.#ports.has(port) || (isInNetworks && this.#networkPorts.has(port)) ? undefined : "port_refused";
  }

  /** Whether there could be an address at which a post may go to a port. */
  isPortKnown(port: number): boolean {
    return this.#ports.has(port) || this.#networkPorts.has(port);
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
