import { describe, expect, it } from "vitest";
import { NoSandbox } from "./no-sandbox.ts";

describe("NoSandbox", () => {
  it("runs the command as it is, with an environment from empty, in its workspace", () => {
    const sandbox = new NoSandbox("not installed");

    const wrapped = sandbox.wrap({
      argv: ["make"],
      env: { CI: "1" },
      workspace: "/ws",
      cwd: "sub/",
      network: "none",
      pty: false,
    });

    expect(wrapped).toEqual({
      argv: ["make"],
      env: { CI: "1", HOME: "/ws", PATH: "/usr/local/bin:/usr/bin:/bin", TERM: "xterm-256color" },
      cwd: "/ws/sub",
      supervisors: 0,
    });
  });

  it("does not pretend to protect anything", () => {
    expect(new NoSandbox("not installed").description).toMatchObject({
      network: "host",
      filesystem: "host",
      reason: "not installed",
    });
  });
});
