import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const PACKAGE = JSON.stringify(new URL("./index.ts", import.meta.url).href);

describe("a process that uses the bus", () => {
  it("ends by itself when nothing waits any more, however long the timeouts were", async () => {
    const { stdout, ms } = await program(`
      const [a, b] = [bus.getMessageBus("a"), bus.getMessageBus("b")];
      b.subscribe("t", ({ correlationId }) => b.respond(correlationId, "answered"));
      new bus.RPCServer("plugin://b/rpc").register("ping", async () => "pong");
      console.log(await a.request({ topic: "t", destination: "b", timeout: 60_000 }));
      console.log(await new bus.RPCClient("plugin://b/rpc").call("ping", {}, { timeout: 60_000 }));
    `);

    expect(stdout).toBe("answered\npong\n");
    expect(ms).toBeLessThan(10_000);
  });

  it("lives as long as somebody waits for an answer", async () => {
    const { stdout } = await program(`
      const [a, b] = [bus.getMessageBus("a"), bus.getMessageBus("b")];
      b.subscribe("t", () => {});
      await a.request({ topic: "t", destination: "b", timeout: 100 }).catch(({ code }) => console.log(code));
    `);

    expect(stdout).toBe("REQUEST_TIMEOUT\n");
  });

  it("can load the package with require() and with import, and has one bus", async () => {
    const { stdout } = await program(`
      const { createRequire } = await import("node:module");
      const required = createRequire(${PACKAGE})("./index.ts");
      console.log(required.MessageBus === bus.MessageBus, required.getMessageBus("a") === bus.getMessageBus("a"));
    `);

    expect(stdout).toBe("true true\n");
  });

  it("is not ended by a storm between handlers, nor by a handler that throws", async () => {
    const { stdout } = await program(`
      const a = bus.getMessageBus("a");
      let count = 0;
      a.subscribe("storm", () => { count++; void a.publish({ topic: "storm" }); });
      a.subscribe("storm", () => { throw new Error("explosive"); });
      await a.publish({ topic: "storm" });
      setTimeout(() => { console.log(count > 10_000); process.exit(0); }, 20);
    `);

    expect(stdout).toBe("true\n");
  });
});

async function program(code: string): Promise<{ stdout: string; ms: number }> {
  const from = performance.now();
  const source = `import * as bus from ${PACKAGE};\n${code}`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", source], { timeout: 60_000 });
  return { stdout, ms: performance.now() - from };
}
