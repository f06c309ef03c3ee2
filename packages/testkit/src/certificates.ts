import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { isIPv4 } from "node:net";

/** A certificate and its key, both as PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. */
export interface TestCertificateOptions {
  /** Names and IPv4 addresses that it is good for. Default none. */
  readonly names?: readonly string[];
  /** Default: since an hour. */
  readonly notBefore?: Date;
  /** Default: for a day. */
  readonly notAfter?: Date;
}

/** An authority made for a test; nothing trusts it that is not told to. */
export interface TestAuthority {
  /** Its own certificate, as PEM. */
  readonly cert: string;
  issue(options?: TestCertificateOptions): TestCertificate;
}

const HOUR_MS = 3_600_000;

/** Makes an authority that issues certificates: `testAuthority().issue({ names: ["localhost", "127.0.0.1"] })`. */
export function testAuthority(name = "Authority of a test"): TestAuthority {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = { name, key: pair.privateKey };
  return {
    cert: certificate({ issuer, subject: name, key: pair.publicKey, isAuthority: true }),
    issue: (options) => certified({ ...options, issuer }),
  };
}

/** A certificate that nobody but itself vouches for. */
export function selfSigned(options: TestCertificateOptions = {}): TestCertificate {
  return certified(options);
}

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
}

const SUBJECT = "Server of a test";

function certified({ issuer, ...options }: TestCertificateOptions & { readonly issuer?: Issuer }): TestCertificate {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const self = { name: SUBJECT, key: pair.privateKey };
  const cert = certificate({ ...options, issuer: issuer ?? self, subject: SUBJECT, key: pair.publicKey });
  return { cert, key: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

/** X.509 version 3, in DER and then PEM (RFC 5280). */
function certificate(
  what: TestCertificateOptions & {
    readonly issuer: Issuer;
    readonly subject: string;
    readonly key: KeyObject;
    readonly isAuthority?: boolean;
  },
): string {
  const { issuer, subject, key, names = [], isAuthority = false } = what;
  const { notBefore = new Date(Date.now() - HOUR_MS), notAfter = new Date(Date.now() + 24 * HOUR_MS) } = what;
  const content = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    // Positive and never zero.
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ECDSA_SHA256,
    distinguishedName(issuer.name),
    sequence(utcTime(notBefore), utcTime(notAfter)),
    distinguishedName(subject),
    key.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(basicConstraints(isAuthority), ...(names.length > 0 ? [alternativeNames(names)] : []))),
  );
  const signature = sign("sha256", content, issuer.key);
  const der = sequence(content, ECDSA_SHA256, tagged(0x03, Buffer.concat([Buffer.of(0), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function basicConstraints(isAuthority: boolean): Buffer {
  const yes = tagged(0x01, Buffer.of(0xff));
  return sequence(OID_BASIC_CONSTRAINTS, yes, tagged(0x04, sequence(...(isAuthority ? [yes] : []))));
}

function alternativeNames(names: readonly string[]): Buffer {
  const all = names.map((name) =>
    isIPv4(name) ? tagged(0x87, Buffer.from(name.split(".").map(Number))) : tagged(0x82, Buffer.from(name, "latin1")),
  );
  return sequence(OID_ALTERNATIVE_NAMES, tagged(0x04, sequence(...all)));
}

function distinguishedName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(OID_COMMON_NAME, tagged(0x0c, Buffer.from(name)))));
}

/** `YYMMDDhhmmssZ`, which serves until 2050. */
function utcTime(at: Date): Buffer {
  return tagged(0x17, Buffer.from(`${at.toISOString().replace(/\D/g, "").slice(2, 14)}Z`, "latin1"));
}

function integer(bytes: Uint8Array): Buffer {
  return tagged(0x02, bytes);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

/** One value of DER: its tag, its length, itself. */
function tagged(tag: number, bytes: Uint8Array): Buffer {
  const { length } = bytes;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), bytes]);
}

const oid = (hex: string) => tagged(0x06, Buffer.from(hex, "hex"));
const OID_COMMON_NAME = oid("550403");
const OID_BASIC_CONSTRAINTS = oid("551d13");
const OID_ALTERNATIVE_NAMES = oid("551d11");
const ECDSA_SHA256 = sequence(oid("2a8648ce3d040302"));
