import { describe, expect, it } from "vitest";

import { GitRefSchema, RepositorySchema, RepositoryUrlSchema } from "./repository.ts";

describe("RepositoryUrlSchema", () => {
  it.each([
    "https://example.com/team/repo.git",
    "https://example.com:8443/repo",
    "https://[2001:db8:0:0:0:0:0:1]/repo.git",
    "https://example.com/~user/repo%20name.git",
    "ssh://git@example.com/repo.git",
    "ssh://git@example.com:2222/~/repo.git",
    "git@example.com:team/repo.git",
    "git@example.com:~/repo",
    "git@example.com:/srv/repo.git",
    "file:///srv/git/repo.git",
  ])("takes %s", (url) => {
    expect(RepositoryUrlSchema.safeParse(url).success).toBe(true);
  });

  it.each([
    // Remote helpers run programs.
    "ext::sh -c touch% /tmp/pwned",
    "ext::sh",
    "EXT::sh",
    "fd::17",
    "https::https://example.com/repo",
    "transport::address",
    "git@example.com::repo",
    // Options in the place of a URL, a host, a user or a path.
    "--upload-pack=touch /tmp/pwned",
    "-u./payload",
    "-oProxyCommand=touch@example.com:repo",
    "ssh://-oProxyCommand=touch/repo",
    "ssh://-oProxyCommand=touch%20x/repo",
    "ssh://git@-oProxyCommand=touch/repo",
    "ssh://%2doProxyCommand=touch/repo",
    "ssh://git@%2DoProxyCommand=touch/repo",
    "ssh://-l@example.com/repo",
    "ssh://%2doProxyCommand=touch@example.com/repo",
    "git@-oProxyCommand=touch:repo",
    "git@example.com:-upload-pack",
    "git@example.com:--upload-pack=x",
    // What `URL` repairs and git reads otherwise.
    "https:example.com/repo",
    "https:/example.com/repo",
    "https:\\\\example.com\\repo",
    "https://example.com\\@evil.example/repo",
    "ssh://example.com\\repo/x",
    "file:repo",
    "file:/srv/repo",
    "HTTPS://example.com/repo",
    "ssh:example.com/repo",
    // Credentials, and what an address has no use for.
    "https://user:password@example.com/repo",
    "https://token@example.com/repo",
    "https://:@example.com/repo",
    "ssh://git:password@example.com/repo",
    "https://example.com/repo?x=1",
    "https://example.com/repo#main",
    // Files of other machines, and none at all.
    "file://server/share/repo",
    "file://../repo",
    "file:///",
    "file://",
    // Other schemes and no scheme.
    "http://example.com/repo",
    "git://example.com/repo",
    "ftp://example.com/repo",
    "javascript:alert(1)",
    "data:text/plain,x",
    "/srv/git/repo",
    "./repo",
    "../repo",
    "C:\\repo",
    "example.com:repo",
    "repo",
    // Characters that end lines, hide or look alike.
    "https://example.com/repo\n--upload-pack=x",
    "https://example.com/re po",
    "https://example.com/repo\u0000",
    "https://example.com/\u202erepo",
    "https://exämple.com/repo",
    " https://example.com/repo",
    "git@example.com:repo\nProxyCommand",
    "git@example.com:$(touch x)",
    "git@example.com:`id`",
    "git@example.com:a;b",
    "",
  ])("refuses %j", (url) => {
    expect(RepositoryUrlSchema.safeParse(url).success).toBe(false);
  });

  it("keeps its bound of 2000 characters", () => {
    const url = (length: number) => "https://example.com/".padEnd(length, "x");

    expect([1_999, 2_000, 2_001].map((n) => RepositoryUrlSchema.safeParse(url(n)).success)).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe("GitRefSchema", () => {
  it.each(["main", "feature/x", "v1.2.3", "refs/heads/main", "a_b-c", "x".repeat(200)])("takes %s", (ref) => {
    expect(GitRefSchema.safeParse(ref).success).toBe(true);
  });

  it.each([
    "",
    "-b",
    "--upload-pack=touch x",
    "+main",
    "a..b",
    "a...b",
    "/main",
    "main/",
    "a//b",
    "main.",
    ".main",
    "a/.b",
    "main.lock",
    "a.lock/b",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a?b",
    "a*b",
    "a[b",
    "a\\b",
    "@{-1}",
    "a@{u}",
    "main\n",
    "main\u0000",
    "mäin",
    "x".repeat(201),
  ])("refuses %j", (ref) => {
    expect(GitRefSchema.safeParse(ref).success).toBe(false);
  });
});

describe("RepositorySchema", () => {
  const url = "https://example.com/repo";

  it.each([
    ["a full commit", { commit: "a".repeat(40) }, true],
    ["a full commit of sha256", { commit: "a".repeat(64) }, true],
    ["a short commit", { commit: "abc1234" }, false],
    ["a commit in capitals", { commit: "A".repeat(40) }, false],
    ["an option for a commit", { commit: "-".repeat(40) }, false],
    ["an unknown key", { depth: 1 }, false],
  ])("with %s", (_, more, isTaken) => {
    expect(RepositorySchema.safeParse({ url, ...more }).success).toBe(isTaken);
  });
});
