import { describe, expect, it } from "vitest";

import { AddressGuard, type GuardSettings } from "./address-guard.ts";

describe("AddressGuard", () => {
  it.each([
    ["1.1.1.1"],
    ["9.255.255.255"],
    ["11.0.0.0"],
    ["100.63.255.255"],
    ["100.128.0.0"],
    ["126.255.255.255"],
    ["128.0.0.1"],
    ["169.253.255.255"],
    ["172.15.255.255"],
    ["172.32.0.0"],
    ["192.167.255.255"],
    ["198.20.0.0"],
    ["223.255.255.255"],
    ["2606:4700:4700::1111"],
    ["2a00:1450:4001:80e::200e"],
    ["2001:4860:4860::8888"],
  ])("lets a post go to %s", (address) => {
    expect(new AddressGuard().refusalOf(address, 443)).toBeUndefined();
  });

  // Red without the lists: each of these leads back inside.
  it.each([
    ["0.0.0.0"],
    ["0.1.2.3"],
    ["10.0.0.1"],
    ["10.255.255.255"],
    ["100.64.0.1"],
    ["100.100.100.200"],
    ["127.0.0.1"],
    ["127.255.255.254"],
    ["169.254.169.254"],
    ["169.254.170.2"],
    ["172.16.0.1"],
    ["172.31.255.255"],
    ["192.0.0.192"],
    ["192.0.2.1"],
    ["192.168.0.1"],
    ["198.18.0.1"],
    ["198.19.255.255"],
    ["198.51.100.1"],
    ["203.0.113.1"],
    ["224.0.0.1"],
    ["239.255.255.255"],
    ["240.0.0.1"],
    ["255.255.255.255"],
    ["::"],
    ["::1"],
    ["::127.0.0.1"],
    ["::ffff:127.0.0.1"],
    ["::ffff:7f00:1"],
    ["::ffff:169.254.169.254"],
    ["::ffff:8.8.8.8"],
    ["::ffff:0:127.0.0.1"],
    ["64:ff9b::7f00:1"],
    ["64:ff9b::a9fe:a9fe"],
    ["64:ff9b:1::7f00:1"],
    ["100::1"],
    ["2001::1"],
    ["2001:0:53aa:64c:0:fbff:80ff:fffe"],
    ["2001:db8::1"],
    ["2002:7f00:1::"],
    ["3fff::1"],
    ["5f00::1"],
    ["fc00::1"],
    ["fd00:ec2::254"],
    ["fe80::1"],
    ["fe80::1%eth0"],
    ["fec0::1"],
    ["ff02::1"],
    ["localhost"],
    ["127.1"],
    ["2130706433"],
    [""],
  ])("refuses %s", (address) => {
    expect(new AddressGuard().refusalOf(address, 443)).toBe("address_refused");
  });

  it("lets a post go where the operator allows it, and nowhere else", () => {
    const guard = new AddressGuard({ networks: ["127.0.0.1", "10.1.0.0/16", "fd00::/8"] });

    const verdicts = ["127.0.0.1", "::ffff:127.0.0.1", "10.1.255.1", "fd12::1", "127.0.0.2", "10.2.0.1", "fe80::1"].map(
      (address) => guard.refusalOf(address, 80) === undefined,
    );

    expect(verdicts).toEqual([true, true, true, true, false, false, false]);
  });

  // Red without the lists of ports: each of these is a service that is no receiver of webhooks.
  it.each([0, 1, 22, 25, 53, 79, 81, 442, 444, 2_375, 5_432, 6_379, 8_080, 9_200, 65_535])(
    "refuses port %i, at public addresses and at those that the operator allows",
    (port) => {
      const guard = new AddressGuard({ networks: ["127.0.0.1"] });

      expect([guard.refusalOf("1.1.1.1", port), guard.refusalOf("127.0.0.1", port)]).toEqual([
        "port_refused",
        "port_refused",
      ]);
    },
  );

  it("lets a post go to the ports that the operator allows, and to some in allowed networks alone", () => {
    const guard = new AddressGuard({
      networks: ["10.0.0.0/8"],
      ports: ["443", "8443-8445"],
      networkPorts: ["3000", "9000-65535"],
    });
    const allowed = (address: string) =>
      [80, 443, 3_000, 8_442, 8_443, 8_445, 8_446, 9_000, 65_535].filter(
        (port) => guard.refusalOf(address, port) === undefined,
      );

    expect(allowed("1.1.1.1")).toEqual([443, 8_443, 8_445]);
    expect(allowed("10.1.2.3")).toEqual([443, 3_000, 8_443, 8_445, 9_000, 65_535]);
    expect(guard.refusalOf("127.0.0.1", 9_000)).toBe("address_refused");
    expect([80, 443, 3_000].map((port) => guard.isPortKnown(port))).toEqual([false, true, true]);
  });

  it.each<[GuardSettings]>([
    [{ networks: ["intranet"] }],
    [{ ports: ["http"] }],
    [{ ports: ["0"] }],
    [{ ports: ["65536"] }],
    [{ ports: [""] }],
    [{ networkPorts: ["9-8"] }],
    [{ networkPorts: ["1-2-3"] }],
  ])("takes nothing for a network or a port that is none: %j", (settings) => {
    expect(() => new AddressGuard(settings)).toThrow(RangeError);
  });
});
