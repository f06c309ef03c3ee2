import { describe, expect, it } from "vitest";

import type { News } from "../session/news.ts";
import { OmnaraDesk } from "./omnara-desk.ts";
import { InteractionSchema } from "./omnara-frames.ts";
import type { OmnaraInteraction } from "./omnara-frames.ts";

const ID = `int_${"a".repeat(26)}`;
const OPEN = InteractionSchema.parse({
  id: ID,
  interaction_kind: "question",
  state: "open",
  request: { title: "t", questions: [{ prompt: "p", options: [{ label: "red" }] }] },
});

/** A desk whose lists a test answers when it likes. */
class Rig {
  readonly told: News["news"][] = [];
  readonly complaints: string[] = [];
  readonly lists: PromiseWithResolvers<readonly OmnaraInteraction[]>[] = [];
  readonly desk = new OmnaraDesk({
    list: () => {
      const list = Promise.withResolvers<readonly OmnaraInteraction[]>();
      this.lists.push(list);
      return list.promise;
    },
    tell: (news) => this.told.push(...news.map((each) => each.news)),
    complain: (words) => this.complaints.push(words),
  });

  async look(...open: readonly OmnaraInteraction[]): Promise<void> {
    const looking = this.desk.look();
    this.lists.at(-1)?.resolve(open);
    await looking;
  }
}

describe("what an agent at Omnara waits for", () => {
  it("is asked once, however often it is listed, and withdrawn when it is listed no more", async () => {
    const rig = new Rig();

    await rig.look(OPEN);
    await rig.look(OPEN);
    await rig.look();

    expect(rig.told).toEqual(["question", "settled"]);
  });

  it("is not asked again by a list that was made before it was answered", async () => {
    const rig = new Rig();
    await rig.look(OPEN);
    const looking = rig.desk.look();

    const taken = [rig.desk.take(ID)?.id, rig.desk.take(ID)?.id];
    rig.lists.at(-1)?.resolve([OPEN]);
    await looking;

    expect(taken).toEqual([ID, undefined]);
    expect(rig.told).toEqual(["question"]);
  });

  it("is asked again when its answer did not arrive", async () => {
    const rig = new Rig();
    await rig.look(OPEN);
    rig.desk.take(ID);

    rig.desk.putBack(ID);
    await rig.look(OPEN);

    expect(rig.told).toEqual(["question", "question"]);
  });

  it("is nothing to ask when its turn ended while it was listed", async () => {
    const rig = new Rig();
    const looking = rig.desk.look();

    rig.desk.clear();
    rig.lists.at(-1)?.resolve([OPEN]);
    await looking;

    expect(rig.told).toEqual([]);
  });

  it("is looked for once more when that is wished for meanwhile, and a look that fails is made up for", async () => {
    const rig = new Rig();
    const first = rig.desk.look();
    const second = rig.desk.look();

    rig.lists[0]?.reject(new Error("away"));
    await second;
    rig.lists[1]?.resolve([OPEN]);
    await first;

    expect(rig.complaints).toEqual(["omnara's interactions cannot be read: away"]);
    expect(rig.told).toEqual(["question"]);
  });
});
