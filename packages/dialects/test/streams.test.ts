import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { FakeControlPlane, type FakeRun } from "./_support/fake-control-plane.ts";
import { readSse, type SseMessage } from "./_support/read-sse.ts";
import { serveFaces } from "./_support/serve-faces.ts";

async function collect(response: Response): Promise<SseMessage[]> {
  const messages: SseMessage[] = [];
  for await (const message of readSse(response)) messages.push(message);
  return messages;
}

/** Opens a stream by hand and never reads from it. */
async function openAndStare(port: number, target: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  socket.on("error", () => {});
  socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await once(socket, "connect");
  return socket;
}

const seqsOf = (messages: readonly SseMessage[]) =>
  messages.map(({ data }) => (JSON.parse(data) as { seq: number }).seq);

describe("the native stream of events", () => {
  it("gives each event once as an unnamed message with its seq as id, and ends after the last", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    const response = await fetch(`${server.url}/api/v1/runs/${run.id}/stream`);
    run.append("step.started", { name: "hello" }, { name: "other" });
    run.end("succeeded");

    const messages = await collect(response);

    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(messages.map(({ event, id }) => `${event} ${id}`)).toEqual([
      "message 1",
      "message 2",
      "message 3",
      "message 4",
    ]);
    expect(messages.map(({ data }) => JSON.parse(data))).toEqual(run.events);
  });

  it("loses nothing and doubles nothing over any breaks while events are appended", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    const target = `${server.url}/api/v1/runs/${run.id}/stream`;
    const seen: number[] = [];
    const appending = (async () => {
      for (let count = 0; count < 300; count++) {
        run.append("step.progress", { name: "hello", count }, { name: "hello", padding: "x".repeat(count * 10) });
        await new Promise(setImmediate);
      }
      run.end("succeeded");
    })();

    for (let attempt = 1; ; attempt++) {
      const response = await fetch(target, {
        headers: seen.length > 0 ? { "Last-Event-ID": String(seen.at(-1)) } : {},
      });
      if (response.status === 204) break;
      let left = attempt * 7;
      for await (const { data } of readSse(response)) {
        seen.push((JSON.parse(data) as { seq: number }).seq);
        if (--left === 0) break;
      }
    }
    await appending;

    expect(seen).toEqual(run.events.map(({ seq }) => seq));
  });

  it("goes on after ?after=, and prefers Last-Event-ID, which is newer", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    run.append("step.progress", {}, {}, {});
    run.end("failed");
    const target = `${server.url}/api/v1/runs/${run.id}/stream`;

    expect(seqsOf(await collect(await fetch(`${target}?after=3`)))).toEqual([4, 5]);
    expect(seqsOf(await collect(await fetch(`${target}?after=1`, { headers: { "Last-Event-ID": "4" } })))).toEqual([5]);
    expect((await fetch(`${target}?after=5`)).status).toBe(204);
    expect((await fetch(`${target}?after=x`)).status).toBe(400);
  });

  it("says so when events were removed", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    run.append("step.progress", {}, {});
    run.end("succeeded");
    run.batches.splice(0, 2);

    const messages = await collect(await fetch(`${server.url}/api/v1/runs/${run.id}/stream`));

    expect(messages.map(({ event, data }) => [event, JSON.parse(data)])[0]).toEqual(["gap", { after: 0, earliest: 4 }]);
    expect(messages[1]?.id).toBe("4");
  });

  it("refuses as any other route where there is no run", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);

    const response = await fetch(`${server.url}/api/v1/runs/none/stream`);

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ success: false, error: { code: "RUN_NOT_FOUND" } });
  });

  it("spells a batch once for all its readers", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    let spelled = 0;
    run.append("step.progress", { toJSON: () => (spelled++, {}) } as never);
    run.end("succeeded");

    await Promise.all(
      Array.from({ length: 20 }, async () => collect(await fetch(`${server.url}/api/v1/runs/${run.id}/stream`))),
    );

    expect(spelled).toBe(1);
  });

  it("sends a comment now and then while nothing happens", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane, { readers: { keepAliveMs: 20 } });
    const run = fake.addRun();
    const response = await fetch(`${server.url}/api/v1/runs/${run.id}/stream`);
    let text = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      if (text.includes(": keep-alive\n\n: keep-alive\n\n")) break;
    }

    expect(text).toContain(": keep-alive\n\n");
  });

  it("lets go of its source when the reader leaves", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    const leave = new AbortController();
    await fetch(`${server.url}/api/v1/runs/${run.id}/stream`, { signal: leave.signal });

    leave.abort();

    await eventually(() => server.streams.size === 0);
    expect(server.answered.at(-1)?.end).toBe("left");
  });

  it("ends when its credential is taken away", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane, { auth: "token", readers: { revocationMs: 40 } });
    const run = fake.addRun();
    const token = fake.addToken(["runs:read"]);
    const response = await fetch(`${server.url}/api/v1/runs/${run.id}/stream`, {
      headers: { Authorization: `Bearer ${token}` },
    });

    fake.revoke(token);

    expect(await collect(response)).toHaveLength(1);
    expect(server.answered.at(-1)?.end).toBe("revoked");
  });

  it("ends when the credential that its ticket was drawn on is taken away", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane, { auth: "token", readers: { revocationMs: 40 } });
    const run = fake.addRun();
    const token = fake.addToken(["runs:read"]);
    const url = `${server.url}/api/v1/runs/${run.id}`;
    const drawn = await fetch(`${url}/stream-tickets`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}` },
    });
    const { data } = (await drawn.json()) as { data: { ticket: string } };
    const response = await fetch(`${url}/stream?ticket=${data.ticket}`);

    fake.revoke(token);

    expect(await collect(response)).toHaveLength(1);
    expect(server.answered.at(-1)?.end).toBe("revoked");
  });

  it("is open as often as a principal may, and not once more", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane, { streamsPerPrincipal: 3 });
    const run = fake.addRun();
    const leave = new AbortController();
    const open = (signal?: AbortSignal) =>
      fetch(`${server.url}/api/v1/runs/${run.id}/stream`, signal ? { signal } : {});
    const responses = [await open(leave.signal), await open(), await open(), await open()];

    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    leave.abort();
    await eventually(async () => (await open()).status === 200);
  });
});

describe("a reader that does not read", () => {
  async function flood(run: FakeRun, megabytes: number): Promise<void> {
    const padding = "x".repeat(16_384);
    for (let count = 0; count < megabytes * 64; count++) {
      run.append("step.progress", { padding });
      if (count % 16 === 0) await new Promise(setImmediate);
    }
  }

  it.each(["/api/v1/runs/:id/stream", "/runs/:id/stream"])(
    "of %s is cut off, and holds no more memory than the limit",
    async (path) => {
      const fake = new FakeControlPlane();
      const pendingBytes = 262_144;
      await using server = await serveFaces(fake.controlPlane, { readers: { stallMs: 300, pendingBytes } });
      const run = fake.addRun();
      const socket = await openAndStare(server.port, path.replace(":id", run.id));
      await eventually(() => server.streams.size === 1);
      let most = 0;
      const [connection] = server.sockets;
      const watching = setInterval(() => (most = Math.max(most, connection?.writableLength ?? 0)), 1);

      await flood(run, 32);
      await eventually(() => server.streams.size === 0);
      clearInterval(watching);

      expect(server.answered.at(-1)?.end).toBe("slow_consumer");
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThan(pendingBytes + 128 * 1024);
      socket.destroy();
    },
  );

  it("is left alone for as long as it takes something now and then", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane, { readers: { stallMs: 400 } });
    const run = fake.addRun();
    await flood(run, 4);
    run.end("succeeded");
    const response = await fetch(`${server.url}/api/v1/runs/${run.id}/stream`);
    let bytes = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      // Slow, but never for as long as the limit.
      if (bytes % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }

    expect(bytes).toBeGreaterThan(4 * 1_048_576);
    expect(server.answered.at(-1)?.end).toBe("done");
  });
});

describe("the output of a run", () => {
  const decode = (messages: readonly SseMessage[]) =>
    messages.map(({ data }) => JSON.parse(data) as { text: string; base64?: string; gap?: string });

  it("comes as text with characters whole, and with bytes where text does not give them back", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    const euro = Buffer.from("€");
    run.print("plain\n");
    run.print(Buffer.concat([Buffer.from("a"), euro.subarray(0, 1)]));
    run.print("err\n", { stream: "stderr" });
    run.print(euro.subarray(1, 2));
    run.print(Buffer.concat([euro.subarray(2), Buffer.from("b")]));
    run.print(Buffer.from([0xff, 0x62]));
    run.end("succeeded");

    const response = await fetch(`${server.url}/api/v1/runs/${run.id}/output`);
    const pieces = decode(await collect(response));

    expect(pieces.map(({ text }) => text)).toEqual(["plain\n", "a", "err\n", "", "€b", "\ufffdb"]);
    expect(pieces.map(({ base64 }) => base64 !== undefined)).toEqual([false, true, false, true, true, true]);
    const bytes = pieces.map(({ text, base64 }) =>
      base64 === undefined ? Buffer.from(text) : Buffer.from(base64, "base64"),
    );
    expect(Buffer.concat(bytes)).toEqual(Buffer.concat(run.output.flat().map((chunk) => chunk.bytes)));
  });

  it("splits at every byte without harm", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const text = "zß水🄍e\u0301\n";
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const run = fake.addRun();
      run.print(bytes.subarray(0, cut));
      run.print(bytes.subarray(cut));
      run.end("succeeded");

      const pieces = decode(await collect(await fetch(`${server.url}/api/v1/runs/${run.id}/output`)));

      expect(pieces.map((piece) => piece.text).join("")).toBe(text);
    }
  });

  it("comes as plain bytes, with lost ones marked, of one step or all", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun({ steps: ["a", "b"] });
    run.print(Buffer.from([0, 255, 10]), { step: "a" });
    run.print("b\n", { step: "b" });
    run.print("", { step: "b", length: 7, gap: "the spool was full" });
    const target = `${server.url}/api/v1/runs/${run.id}/output?format=raw`;

    const all = await fetch(target);
    const ofB = await fetch(`${target}&step=b`);

    expect([...Buffer.from(await all.arrayBuffer())].slice(0, 5)).toEqual([0, 255, 10, 98, 10]);
    expect(await ofB.text()).toBe("b\n\n[7 bytes of output are lost: the spool was full]\n");
    expect(all.headers.get("content-disposition")).toBe(`attachment; filename="${run.id}.log"`);
    expect(all.headers.get("content-security-policy")).toContain("sandbox");
  });

  it("is followed until the run is over, and then says 204 to who has it all", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    const response = await fetch(`${server.url}/api/v1/runs/${run.id}/output?format=raw&follow=true`);
    run.print("one\n");
    run.print("two\n");
    run.end("succeeded");

    expect(await response.text()).toBe("one\ntwo\n");
    expect(
      (await fetch(`${server.url}/api/v1/runs/${run.id}/output`, { headers: { "Last-Event-ID": "2" } })).status,
    ).toBe(204);
    expect(await collect(await fetch(`${server.url}/api/v1/runs/${run.id}/output?after=1`))).toHaveLength(1);
  });
});

describe("a stream whose source breaks", () => {
  it.each(["/api/v1/runs/:id/stream", "/api/v1/runs/:id/output?format=raw", "/runs/:id/stream"])(
    "%s is cut off, so that nobody takes it for the end",
    async (path) => {
      const fake = new FakeControlPlane();
      await using server = await serveFaces(fake.controlPlane);
      const run = fake.addRun();
      run.print("half");
      run.follow = async function* (batches) {
        yield batches.flat();
        throw new Error("the disk is gone");
      };

      const response = await fetch(`${server.url}${path.replace(":id", run.id)}`);

      await expect(response.text()).rejects.toThrow("terminated");
      expect(server.bugs.map(String)).toEqual(["Error: the disk is gone"]);
    },
  );
});

describe("the NOFX stream", () => {
  it("opens with one init of all so far, goes on with append, and closes after the last event", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    run.append("step.started", { name: "hello" });
    const response = await fetch(`${server.url}/runs/${run.id}/stream`);
    run.append("step.finished", { name: "hello", status: "succeeded" }, { name: "hello", status: "succeeded" });
    run.end("succeeded");

    const messages = await collect(response);

    expect(messages.map(({ event, id }) => [event, id])).toEqual([
      ["init", "2"],
      ["append", "4"],
      ["append", "5"],
    ]);
    const events = messages.flatMap(({ data }) => JSON.parse(data) as Record<string, unknown>[]);
    expect(events.map(({ event_type }) => event_type)).toEqual(run.events.map(({ type }) => type));
    expect(
      events.every(
        ({ payload, run_id, created_at }) =>
          typeof (payload as { message: unknown }).message === "string" &&
          run_id === run.id &&
          typeof created_at === "string",
      ),
    ).toBe(true);
    expect(events[1]).toMatchObject({
      step_id: run.steps[0]?.id,
      payload: { name: "hello", message: "hello started" },
    });
    expect(events.at(-1)).toMatchObject({ payload: { goal: "Hello World", duration: 12, steps_count: 1 } });
  });

  it("puts any number of events into init, in many lines that are one array", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    for (let batch = 0; batch < 20; batch++)
      run.append("step.progress", ...Array.from({ length: 100 }, () => ({ name: "hello", padding: "x".repeat(500) })));
    const response = await fetch(`${server.url}/runs/${run.id}/stream`);
    run.end("succeeded");

    const messages = await collect(response);

    expect(messages.map(({ event }) => event)).toEqual(["init", "append"]);
    expect(JSON.parse(messages[0]?.data ?? "")).toHaveLength(2_001);
    expect(messages[0]?.id).toBe("2001");
  });

  it("goes on with append for a browser that comes back, and ends with 204", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    run.append("step.started", { name: "hello" });
    run.end("failed");
    const again = (id: string) => fetch(`${server.url}/runs/${run.id}/stream`, { headers: { "Last-Event-ID": id } });

    expect((await collect(await again("1"))).map(({ event, id }) => [event, id])).toEqual([
      ["append", "2"],
      ["append", "3"],
    ]);
    expect((await again("3")).status).toBe(204);
  });
});

describe("a server that stops", () => {
  it("takes no new work and no new streams, still answers reads, and lets streams end", async () => {
    const fake = new FakeControlPlane();
    await using server = await serveFaces(fake.controlPlane);
    const run = fake.addRun();
    const open = await fetch(`${server.url}/api/v1/runs/${run.id}/stream`);
    server.isStopping = true;

    const work = await fetch(`${server.url}/api/v1/runs`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
    const stream = await fetch(`${server.url}/api/v1/runs/${run.id}/stream`);
    const read = await fetch(`${server.url}/api/v1/runs/${run.id}`);
    server.streams.endAll();

    expect([work.status, stream.status, read.status]).toEqual([503, 503, 200]);
    expect(work.headers.get("retry-after")).toBe("1");
    expect(await collect(open)).toHaveLength(1);
  });
});
