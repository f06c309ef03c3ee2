import { describe, expect, it } from "vitest";
import { listen } from "./listen.ts";

describe("listen", () => {
  it("serves on a free port until it is disposed of", async () => {
    let url: string;
    {
      await using api = await listen((_request, response) => response.end("hello"));
      url = api.url;

      expect(await (await fetch(url)).text()).toBe("hello");
    }

    await expect(fetch(url)).rejects.toThrow();
  });

  it("does not wait for a client that keeps a response open", async () => {
    const api = await listen((_request, response) => response.writeHead(200).write("first"));
    const response = await fetch(api.url);

    await api[Symbol.asyncDispose]();

    await expect(response.text()).rejects.toThrow();
  });
});
