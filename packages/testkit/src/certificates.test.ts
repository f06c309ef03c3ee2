import { X509Certificate } from "node:crypto";

import { describe, expect, it } from "vitest";

import { selfSigned, testAuthority } from "./index.ts";

describe("testAuthority", () => {
  it("issues certificates that it has signed, for the names and the time that they say", () => {
    const authority = testAuthority();
    const { cert, key } = authority.issue({
      names: ["hooks.example", "127.0.0.1"],
      notBefore: new Date("2030-01-02T03:04:05Z"),
      notAfter: new Date("2031-01-02T03:04:05Z"),
    });

    const [issued, root] = [new X509Certificate(cert), new X509Certificate(authority.cert)];

    expect([root.ca, issued.ca]).toEqual([true, false]);
    expect(issued.verify(root.publicKey)).toBe(true);
    expect(issued.checkIssued(root)).toBe(true);
    expect(issued.subjectAltName).toBe("DNS:hooks.example, IP Address:127.0.0.1");
    expect([issued.validFromDate, issued.validToDate]).toEqual([
      new Date("2030-01-02T03:04:05Z"),
      new Date("2031-01-02T03:04:05Z"),
    ]);
    expect(key).toContain("BEGIN PRIVATE KEY");
  });

  it("vouches for nothing that vouches for itself", () => {
    const own = new X509Certificate(selfSigned().cert);

    expect(own.checkIssued(own)).toBe(true);
    expect(own.verify(new X509Certificate(testAuthority().cert).publicKey)).toBe(false);
  });
});
