import { describe, expect, it } from "vitest";

import { fakeApi } from "./_support/fake-api.ts";
import { COMMANDS, HOSTILE_ROUTES } from "./_support/hostile-answers.ts";
import { signalbox, startSignalbox } from "./_support/run-signalbox.ts";

describe("the command line as a process of its own", () => {
  // Most tests run it inside their own process. This is what entitles them to it.
  it.each(COMMANDS)("prints the same and ends by itself, with the same exit code: signalbox %s", async (line) => {
    await using api = await fakeApi(HOSTILE_ROUTES);
    const args = [...line.split(" "), "--server", api.url];

    const inside = await signalbox(args);
    const outside = await startSignalbox(args).ended;

    expect(outside).toEqual(inside);
  });
});
