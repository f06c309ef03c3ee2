import { LocalHub, MessageBus, NoResponderError, RequestTimeoutError } from "@signalbox/messagebus";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import {
  DistributedStateManager,
  InvalidAnswerError,
  InvalidArgumentError,
  InvalidKeyError,
  InvalidValueError,
  NoBusError,
  ReadRefusedError,
  STATE_LIMITS,
  StateClosedError,
  ValueTooLargeError,
} from "../src/index.ts";
import { sqlitePersistence } from "../src/sqlite/index.ts";
import { Replicas } from "./_support/replicas.ts";

/** Plugins with a state each on one bus. */
class Plugins {
  readonly #hub = new LocalHub();

  bus(pluginId: string): MessageBus {
    return new MessageBus({ pluginId, transport: this.#hub });
  }

  state(pluginId: string): DistributedStateManager {
    return new DistributedStateManager(pluginId, { bus: this.bus(pluginId) });
  }
}

describe("what a plugin exports", () => {
  it("is what another plugin imports, as a copy, until it is exported anew or withdrawn", async () => {
    const plugins = new Plugins();
    const [shop, till] = [plugins.state("shop"), plugins.state("till")];
    const prices = { bread: { euro: 3 }, list: [1, null, "é"] };
    await shop.exportState("prices", prices);
    prices.bread.euro = 99;

    const imported = await till.importState("shop", "prices");
    expect(imported).toEqual({ bread: { euro: 3 }, list: [1, null, "é"] });
    imported.bread.euro = 0;
    imported.list.push("more");
    expect(await till.importState("shop", "prices")).toEqual({ bread: { euro: 3 }, list: [1, null, "é"] });

    await shop.exportState("prices", "sold out");
    expect(await till.importState("shop", "prices")).toBe("sold out");
    expect(await shop.withdrawState("prices")).toBe(true);
    expect(await till.importState("shop", "prices")).toBeUndefined();
    expect(await shop.withdrawState("prices")).toBe(false);
  });

  it.each([null, false, 0, "", [], {}])("is told from nothing where it is %j", async (value) => {
    const plugins = new Plugins();
    const [shop, till] = [plugins.state("shop"), plugins.state("till")];

    await shop.exportState("it", value);

    expect(await till.importState("shop", "it")).toEqual(value);
  });

  it("is undefined where there is nothing under a key, also one that every object has", async () => {
    const plugins = new Plugins();
    const [shop, till] = [plugins.state("shop"), plugins.state("till")];
    await shop.exportState("a", 1);

    for (const key of ["b", "constructor", "__proto__", "toString"]) {
      expect(await till.importState("shop", key)).toBeUndefined();
    }
    expect(await shop.importState("shop", "b")).toBeUndefined();
  });

  it("is no register: neither reads nor changes the other's", async () => {
    const plugins = new Plugins();
    const [shop, till] = [plugins.state("shop"), plugins.state("till")];
    shop.setRegister("secret", 1);
    await shop.exportState("open", 2);

    expect(await till.importState("shop", "secret")).toBeUndefined();
    expect(shop.getRegister("open")).toBeUndefined();
    expect(shop.keys("register")).toEqual(["secret"]);
    await expect(shop.withdrawState("secret")).resolves.toBe(false);
    expect(shop.getRegister("secret")).toBe(1);
  });

  it("may be as large as a value can be, and not larger", async () => {
    const plugins = new Plugins();
    const [shop, till] = [plugins.state("shop"), plugins.state("till")];
    const largest = "é".repeat((STATE_LIMITS["value.bytes"].value - 100) / 2);

    await shop.exportState("large", largest);
    await expect(shop.exportState("large", `${largest}${"x".repeat(200)}`)).rejects.toBeInstanceOf(ValueTooLargeError);

    expect(await till.importState("shop", "large")).toBe(largest);
  });

  it.each([undefined, () => 1, NaN, { a: 1n }, JSON.parse('{"__proto__": 1}')])(
    "is JSON data, not %s",
    async (value) => {
      const shop = new Plugins().state("shop");

      await expect(shop.exportState("it", value)).rejects.toBeInstanceOf(InvalidValueError);

      expect(await shop.importState("shop", "it")).toBeUndefined();
    },
  );

  it("is there for whichever replica is asked, and in the next life", async () => {
    await using dir = await tempDir();
    const replicas = new Replicas();
    const persistence = sqlitePersistence(dir.file("state.db"));
    const first = replicas.add("first", { persistence });
    const bus = replicas.network.bus("till", "till");
    await using till = new DistributedStateManager("till", { bus });
    await first.exportState("price", 9);
    // Of two members with one id the newer one is asked.
    const second = replicas.add("second");
    await second.joined();
    expect(await till.importState("shop", "price")).toBe(9);

    await first.close();
    await second.close();
    replicas.add("third", { persistence });

    expect(await till.importState("shop", "price")).toBe(9);
    await replicas.close();
  });

  it("is answered by one that has just begun only when it has what the others have", async () => {
    const replicas = new Replicas();
    const first = replicas.add("first");
    await using till = new DistributedStateManager("till", { bus: replicas.network.bus("till", "till") });
    await first.exportState("price", 9);
    replicas.network.isReliable = false;
    replicas.add("second");

    const imported = till.importState("shop", "price");
    replicas.network.deliver({ loss: 0, duplication: 0 });

    expect(await imported).toBe(9);
  });
});

describe("what a plugin exports to some", () => {
  it("is read by these, and refused to others", async () => {
    const plugins = new Plugins();
    const [shop, till, mallory] = [plugins.state("shop"), plugins.state("till"), plugins.state("mallory")];
    await shop.exportState("margin", 0.4, { readers: ["till"] });

    expect(await till.importState("shop", "margin")).toBe(0.4);
    await expect(mallory.importState("shop", "margin")).rejects.toBeInstanceOf(ReadRefusedError);
    await expect(mallory.importState("shop", "margin")).rejects.toMatchObject({
      code: "READ_REFUSED",
      isRetryable: false,
    });
  });

  it("is refused to all others where nobody is named", async () => {
    const plugins = new Plugins();
    const [shop, till] = [plugins.state("shop"), plugins.state("till")];
    await shop.exportState("margin", 0.4, { readers: [] });

    await expect(till.importState("shop", "margin")).rejects.toBeInstanceOf(ReadRefusedError);
  });

  it("is not widened by what the caller does with the list, and narrowed by exporting anew", async () => {
    const plugins = new Plugins();
    const [shop, till, mallory] = [plugins.state("shop"), plugins.state("till"), plugins.state("mallory")];
    const readers = ["till"];
    await shop.exportState("margin", 0.4, { readers });

    readers.push("mallory");
    await expect(mallory.importState("shop", "margin")).rejects.toBeInstanceOf(ReadRefusedError);
    await shop.exportState("margin", 0.4, { readers: ["mallory"] });

    await expect(till.importState("shop", "margin")).rejects.toBeInstanceOf(ReadRefusedError);
    expect(await mallory.importState("shop", "margin")).toBe(0.4);
  });

  it("is not read by one that says it is another", async () => {
    const plugins = new Plugins();
    await plugins.state("shop").exportState("margin", 0.4, { readers: ["till"] });
    const mallory = plugins.bus("mallory");

    const answer = await mallory.request({
      destination: "shop",
      topic: "plugin/shop/state/read",
      payload: { key: "margin", source: "till", reader: "till" },
      headers: { source: "till" },
    });

    expect(answer).toEqual({ status: "error", error: "READ_REFUSED" });
  });

  it.each([undefined, null, 7, [], { key: 7 }, { key: { toString: 1 } }])(
    "is not told by a question that is none: %j",
    async (payload) => {
      const plugins = new Plugins();
      await plugins.state("shop").exportState("margin", 0.4, { readers: ["till"] });

      const request = { destination: "shop", topic: "plugin/shop/state/read", payload };
      const answer = await plugins.bus("mallory").request(request);

      expect(answer).toEqual({ status: "success", isThere: false });
    },
  );

  it.each([
    ["till"],
    [{ length: 1, 0: "till" }],
    [[7]],
    [["a/b"]],
    [[""]],
    [null],
    [Array.from({ length: STATE_LIMITS["readers.count"].value + 1 }, (_, n) => `plugin${n}`)],
  ])("is refused where the readers cannot be", async (readers) => {
    const shop = new Plugins().state("shop");

    // No plugin ids, as a caller without types may have them.
    const exported = shop.exportState("margin", 0.4, { readers: readers as string[] });

    await expect(exported).rejects.toMatchObject({ code: expect.stringMatching(/^INVALID_(ARGUMENT|PLUGIN_ID)$/) });
    expect(await shop.importState("shop", "margin")).toBeUndefined();
  });
});

describe("an import", () => {
  it("of a plugin that is not there fails at once", async () => {
    const till = new Plugins().state("till");
    const began = performance.now();

    await expect(till.importState("nobody", "x")).rejects.toBeInstanceOf(NoResponderError);

    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it("of a plugin that is there without a state manager, or whose state manager was closed, fails at once", async () => {
    const plugins = new Plugins();
    const [shop, till] = [plugins.state("shop"), plugins.state("till")];
    plugins.bus("bare");
    await shop.exportState("x", 1);
    await shop.close();

    await expect(till.importState("bare", "x")).rejects.toBeInstanceOf(NoResponderError);
    await expect(till.importState("shop", "x")).rejects.toBeInstanceOf(NoResponderError);
  });

  it("of a plugin that does not answer ends at its timeout", async () => {
    const plugins = new Plugins();
    plugins.bus("slow").subscribe("plugin/slow/state/read", () => {});

    const imported = plugins.state("till").importState("slow", "x", { timeout: 20 });

    await expect(imported).rejects.toBeInstanceOf(RequestTimeoutError);
  });

  it("ends with the signal's reason, before and while it waits", async () => {
    const plugins = new Plugins();
    const till = plugins.state("till");
    plugins.bus("slow").subscribe("plugin/slow/state/read", () => {});
    const reason = new Error("the user went away");
    const controller = new AbortController();

    const imported = till.importState("slow", "x", { signal: controller.signal });
    controller.abort(reason);

    await expect(imported).rejects.toBe(reason);
    await expect(till.importState("slow", "x", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(till.importState("till", "x", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it.each([undefined, null, 7, "text", [], {}, { status: "success" }, { status: "error", error: "OTHER" }])(
    "refuses an answer that is none: %j",
    async (answer) => {
      const plugins = new Plugins();
      const odd = plugins.bus("odd");
      odd.subscribe("plugin/odd/state/read", ({ correlationId }) => odd.respond(correlationId, answer));

      await expect(plugins.state("till").importState("odd", "x")).rejects.toBeInstanceOf(InvalidAnswerError);
    },
  );

  it("refuses what can be no key, no plugin and no timeout", async () => {
    const plugins = new Plugins();
    const till = plugins.state("till");
    plugins.state("shop");

    await expect(till.importState("shop", "")).rejects.toBeInstanceOf(InvalidKeyError);
    await expect(till.importState("a/b", "x")).rejects.toMatchObject({ name: "InvalidPluginIdError" });
    await expect(till.importState("shop", "x", { timeout: -1 })).rejects.toMatchObject({ name: "InvalidMessageError" });
  });

  it("needs a bus, but for what the plugin itself exports", async () => {
    const manager = new DistributedStateManager("shop", { bus: false });
    await manager.exportState("x", 1, { readers: ["shop"] });

    await expect(manager.importState("till", "x")).rejects.toBeInstanceOf(NoBusError);
    expect(await manager.importState("shop", "x")).toBe(1);
  });

  it("by a state manager that was closed goes on as reads do; exports of it are refused", async () => {
    const plugins = new Plugins();
    const [shop, till] = [plugins.state("shop"), plugins.state("till")];
    await shop.exportState("x", 1);
    await till.close();

    expect(await till.importState("shop", "x")).toBe(1);
    await expect(till.exportState("x", 1)).rejects.toBeInstanceOf(StateClosedError);
  });
});

describe("an export of which the plugin itself is no reader", () => {
  it("is refused to it by `importState` as to others", async () => {
    const shop = new Plugins().state("shop");
    await shop.exportState("x", 1, { readers: ["till"] });

    await expect(shop.importState("shop", "x")).rejects.toBeInstanceOf(ReadRefusedError);
    await expect(shop.exportState("x", 1, { readers: "till" as unknown as string[] })).rejects.toBeInstanceOf(
      InvalidArgumentError,
    );
  });
});
