import { afterEach, beforeEach, describe } from "vitest";

import type { MessageBus } from "../src/index.ts";
import { itPublishes } from "./contract/publish.ts";
import { itComesBack } from "./contract/reconnect.ts";
import { itRefuses } from "./contract/refusals.ts";
import { itAnswersRequests } from "./contract/requests.ts";
import { itServesRpc } from "./contract/rpc.ts";
import type { BusWorld, RemoteWorld, Worlds } from "./contract/world.ts";

/** What holds on every transport. */
export function describeTransport(name: string, open: () => Promise<BusWorld>): void {
  describe(`transport: ${name}`, () => {
    const worlds = worldOfEachTest(open);
    describe("publish and subscribe", () => {
      itPublishes(worlds);
    });
    describe("request and respond", () => {
      itAnswersRequests(worlds);
    });
    describe("RPC", () => {
      itServesRpc(worlds);
    });
    describe("refusals", () => {
      itRefuses(worlds);
    });
  });
}

/** What holds besides where plugins are connected to something that can go away. */
export function describeRemoteTransport(name: string, open: () => Promise<RemoteWorld>): void {
  describe(`transport: ${name}, when a connection breaks`, () => {
    itComesBack(worldOfEachTest(open));
  });
}

function worldOfEachTest<World extends BusWorld>(open: () => Promise<World>): Worlds<World> {
  let world: World;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world[Symbol.asyncDispose]());
  return {
    get world() {
      return world;
    },
    // One bus for each id, so as many as there are ids.
    join: <Ids extends readonly string[]>(...ids: Ids) =>
      Promise.all(ids.map((id) => world.join(id))) as Promise<{ [Index in keyof Ids]: MessageBus }>,
  };
}
