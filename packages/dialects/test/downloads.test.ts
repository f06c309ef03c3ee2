import { describe, expect, it } from "vitest";

import { FakeControlPlane } from "./_support/fake-control-plane.ts";
import { realControlPlane } from "./_support/real-control-plane.ts";
import { serveFaces } from "./_support/serve-faces.ts";

async function withFile(path: string, text: string) {
  const fake = new FakeControlPlane();
  const server = await serveFaces(fake.controlPlane);
  const run = fake.addRun();
  const artifact = run.addFile(path, text);
  const url = `${server.url}/api/v1/runs/${run.id}/files/${path.split("/").map(encodeURIComponent).join("/")}`;
  return { server, run, artifact, url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe("a download", () => {
  it("is saved by browsers, never shown or run", async () => {
    await using file = await withFile("site/index.html", "<script>alert(1)</script>");

    const response = await fetch(file.url);

    expect(await response.text()).toBe("<script>alert(1)</script>");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": `attachment; filename="index.html"`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox; default-src 'none'",
      "content-length": "25",
      "accept-ranges": "bytes",
    });
  });

  it.each([
    [`a"b.txt`, `attachment; filename="a_b.txt"; filename*=UTF-8''a%22b.txt`],
    ["größe €.txt", `attachment; filename="gr__e _.txt"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%E2%82%AC.txt`],
    ["it's (1)*.txt", `attachment; filename="it_s _1__.txt"; filename*=UTF-8''it%27s%20%281%29%2A.txt`],
    ["a;b=c.txt", `attachment; filename="a_b_c.txt"; filename*=UTF-8''a%3Bb%3Dc.txt`],
    ["100%.txt", `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`],
  ])("of %s has its name in a header that nothing can end", async (name, disposition) => {
    await using file = await withFile(`deep/er/${name}`, "x");

    const response = await fetch(file.url);

    expect([response.status, response.headers.get("content-disposition")]).toEqual([200, disposition]);
  });

  it.each([
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=4-", 206, "456789", "bytes 4-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=9-9", 206, "9", "bytes 9-9/10"],
    ["bytes=3-1", 200, "0123456789", null],
    ["bytes=0-1,3-4", 200, "0123456789", null],
    ["lines=0-1", 200, "0123456789", null],
    ["bytes=-", 200, "0123456789", null],
  ])("of %s answers %i", async (range, status, body, contentRange) => {
    await using file = await withFile("ten.txt", "0123456789");

    const response = await fetch(file.url, { headers: { Range: range } });

    expect([response.status, await response.text(), response.headers.get("content-range")]).toEqual([
      status,
      body,
      contentRange,
    ]);
  });

  it.each(["bytes=10-", "bytes=99-100", "bytes=-0"])("outside the content (%s) is refused", async (range) => {
    await using file = await withFile("ten.txt", "0123456789");

    const response = await fetch(file.url, { headers: { Range: range } });

    expect([response.status, response.headers.get("content-range")]).toEqual([416, "bytes */10"]);
    expect(await response.json()).toMatchObject({ error: { code: "RANGE_NOT_SATISFIABLE" } });
  });

  it("is spared to who has it, and whole when it has changed meanwhile", async () => {
    await using file = await withFile("ten.txt", "0123456789");
    const etag = (await fetch(file.url)).headers.get("etag") ?? "";

    const same = await fetch(file.url, { headers: { "If-None-Match": etag } });
    const part = await fetch(file.url, { headers: { Range: "bytes=1-2", "If-Range": etag } });
    const other = await fetch(file.url, { headers: { Range: "bytes=1-2", "If-Range": `"other"` } });

    expect([same.status, part.status, other.status]).toEqual([304, 206, 200]);
  });

  it("answers HEAD with the headers and no body", async () => {
    await using file = await withFile("ten.txt", "0123456789");

    const response = await fetch(file.url, { method: "HEAD" });

    expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([200, "10", ""]);
  });

  it("of an artifact is at both faces", async () => {
    await using file = await withFile("out.ts", "export {}");

    const native = await fetch(`${file.server.url}/api/v1/artifacts/${file.artifact.id}/content`);
    const nofx = await fetch(`${file.server.url}/artifacts/${file.artifact.id}`);
    const known = await fetch(`${file.server.url}/api/v1/artifacts/${file.artifact.id}`);

    expect([await native.text(), await nofx.text()]).toEqual(["export {}", "export {}"]);
    expect(await known.json()).toMatchObject({ data: { path: "out.ts", sha256: file.artifact.sha256 } });
  });

  it("that breaks in the middle is cut off, not ended", async () => {
    await using file = await withFile("big.txt", "x".repeat(200_000));
    file.run.files.set("big.txt", Object.assign(Buffer.alloc(200_000, "x"), { subarray: brokenAfter(65_536) }));

    const response = await fetch(file.url);

    await expect(response.arrayBuffer()).rejects.toThrow("terminated");
    expect(file.server.bugs).toHaveLength(1);
  });
});

describe("blobs of runners", () => {
  it("are stored under their hash, and come back by range", async () => {
    const fake = new FakeControlPlane();
    const { controlPlane, [Symbol.asyncDispose]: close } = await realControlPlane();
    // The real blobs behind the fake's connection token.
    const { link } = controlPlane;
    Object.assign(fake.link, { putBlob: link.putBlob.bind(link), getBlob: link.getBlob.bind(link) });
    await using server = await serveFaces(fake.controlPlane);
    const bytes = Buffer.from("0123456789");
    const name = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
    const url = `${server.url}/runner/v1/blobs/${name}`;
    const headers = { Authorization: "Bearer connection-token" };

    const stored = await fetch(url, { method: "PUT", headers, body: bytes });
    const wrong = await fetch(url, { method: "PUT", headers, body: "other" });
    const range = await fetch(url, { headers: { ...headers, Range: "bytes=2-4" } });
    const head = await fetch(url, { method: "HEAD", headers });
    const none = await fetch(`${server.url}/runner/v1/blobs/${"0".repeat(64)}`, { method: "HEAD", headers });

    expect(await stored.json()).toMatchObject({ success: true, data: { sha256: name, bytes: 10 } });
    expect([wrong.status, await range.text(), head.status, head.headers.get("content-length"), none.status]).toEqual([
      400,
      "234",
      200,
      "10",
      404,
    ]);
    await close();
  });
});

describe("what the agents of a session said", () => {
  it("streams to the runner that holds it, by attempt and epoch", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const headers = { Authorization: "Bearer connection-token" };
    const get = (path: string) => fetch(`${server.url}/runner/v1/records/${path}`, { headers });

    const given = await get("att_1.0.2?epoch=2");
    const none = await get("att_none?epoch=1");
    const without = await get("att_1.0.2");
    const odd = await get("att_1.0.2?epoch=0");

    expect(await given.text()).toBe('{"attempt":"att_1.0.2","epoch":2}\n');
    expect([given.headers.get("content-type"), given.headers.get("cache-control")]).toEqual([
      "application/x-ndjson",
      "no-store",
    ]);
    expect([given.status, none.status, without.status, odd.status]).toEqual([200, 404, 400, 400]);
  });
});

function brokenAfter(bytes: number): Buffer["subarray"] {
  return ((start = 0, end = 0) => {
    if (start >= bytes) throw new Error("the disk is gone");
    return Buffer.alloc(end - start, "x");
  }) as Buffer["subarray"];
}
