import { describe, expect, it } from "vitest";

import { AT, delivery, webhook } from "./_support/canned.ts";
import { fakeApi, refusal, type Answer } from "./_support/fake-api.ts";
import { signalbox } from "./_support/run-signalbox.ts";

const SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

const ROUTES: Readonly<Record<string, Answer>> = {
  "GET /webhooks": () => ({
    items: [
      webhook(),
      webhook({ id: "whk_2", breaker: "open" }),
      webhook({ id: "whk_3", active: false, disabledReason: "the receiver answered 410 Gone" }),
    ],
  }),
  "POST /webhooks": () => ({ ...webhook(), secret: SECRET }),
  "GET /webhooks/:id": () => webhook({ active: false, disabledReason: "the receiver answered 410 Gone" }),
  "PUT /webhooks/:id": () => webhook(),
  "DELETE /webhooks/:id": () => webhook({ active: false }),
  "POST /webhooks/:id/rotate": () => ({ ...webhook({ previousSecretUntil: AT }), secret: SECRET }),
  "GET /webhooks/:id/deliveries": () => ({
    items: [delivery(), delivery({ id: "whd_2", state: "pending", attempts: 3, lastStatus: 503 })],
  }),
  "POST /webhooks/:id/deliveries/:delivery/redeliver": () => delivery({ state: "pending", attempts: 0 }),
};

/** Runs a command line against an API of these routes. */
async function run(args: readonly string[], more: Readonly<Record<string, Answer>> = {}) {
  await using api = await fakeApi({ ...ROUTES, ...more });
  const ended = await signalbox([...args, "--server", api.url]);
  return { ...ended, heard: api.heard };
}

describe("signalbox webhooks", () => {
  it.each([[["webhooks"]], [["webhooks", "list"]]])("lists webhooks and how each is: %j", async (args) => {
    const { stdout } = await run(args);

    expect(stdout.split("\n").map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      ["WEBHOOK", "STATE"],
      ["whk_1", "on"],
      ["whk_2", "resting"],
      ["whk_3", "off"],
      [""],
    ]);
  });

  it("makes one and prints its secret alone on stdout, for a script to take", async () => {
    const { stdout, stderr, heard } = await run([
      "webhooks",
      "create",
      "https://hooks.example/in",
      "-e",
      "run.failed",
      "approval.*",
    ]);

    expect(stdout).toBe(`${SECRET}\n`);
    expect(stderr).toContain("it is not shown again");
    expect(heard[0]?.body).toEqual({ url: "https://hooks.example/in", events: ["run.failed", "approval.*"] });
  });

  it("shows one, and why it is off", async () => {
    const { stdout } = await run(["webhooks", "show", "whk_1"]);

    expect(stdout).toContain("whk_1 is off: the receiver answered 410 Gone");
    expect(stdout).toContain("https://hooks.example/in");
  });

  it.each([
    [["--url", "https://two.example/"], { url: "https://two.example/" }],
    [["--event", "run.*"], { events: ["run.*"] }],
    [["--enable"], { active: true }],
    [["--disable"], { active: false }],
  ])("changes what %j says and nothing else", async (options, body) => {
    const { heard, code } = await run(["webhooks", "update", "whk_1", ...options]);

    expect([heard[0]?.method, heard[0]?.path, heard[0]?.body, code]).toEqual(["PUT", "/webhooks/whk_1", body, 0]);
  });

  it("changes nothing when it is not said what", async () => {
    const { heard, code, stderr } = await run(["webhooks", "update", "whk_1"]);

    expect([heard, code]).toEqual([[], 2]);
    expect(stderr).toContain("--enable");
  });

  it("deletes one", async () => {
    const { stdout, heard } = await run(["webhooks", "delete", "whk_1"]);

    expect(stdout).toBe("whk_1 is deleted\n");
    expect(heard[0]?.method).toBe("DELETE");
  });

  it("gives one another secret, and says for how long the one before is good", async () => {
    const { stdout, stderr, heard } = await run(["webhooks", "rotate", "whk_1", "--overlap", "12h"]);

    expect(stdout).toBe(`${SECRET}\n`);
    expect(stderr).toContain("the secret before signs as well");
    expect(heard[0]?.body).toEqual({ overlapMs: 43_200_000 });
  });

  it("lists what became of the events", async () => {
    const { stdout, heard } = await run(["webhooks", "deliveries", "whk_1", "--state", "failed", "-n", "5"]);

    expect(stdout).toMatch(/whd_1 +delivered .* 200 +run\.failed +run_1/);
    expect(stdout).toMatch(/whd_2 +pending .* 3 .* 503 +run\.failed +run_1/);
    expect(Object.fromEntries(heard[0]?.query ?? [])).toEqual({ state: "failed", limit: "5" });
  });

  it("shows what became of one event, why it failed, and what is posted of it", async () => {
    const message = {
      id: "whd_1",
      event_type: "run.failed",
      created_at: AT,
      org_id: "default",
      payload: { message: "m" },
    };
    const failed = delivery({ state: "failed", lastError: "certificate_expired" });
    const { lastStatus: _, ...unanswered } = failed;
    const shown = (answer: object) =>
      run(["webhooks", "delivery", "whk_1", "whd_1"], { "GET /webhooks/:id/deliveries/:delivery": () => answer });

    const whole = await shown({ ...unanswered, message });
    const bare = await shown(failed);

    expect(whole.stdout).toMatch(
      /^whd_1 run\.failed is failed after 1 try; the last try came to certificate_expired\n/,
    );
    expect(JSON.parse(whole.stdout.slice(whole.stdout.indexOf("{")))).toEqual(message);
    expect(whole.stderr).toContain("The time of the receiver's certificate");
    expect(bare.stderr).toContain("no longer kept");
  });

  it("sends one again", async () => {
    const { stdout, heard } = await run(["webhooks", "redeliver", "whk_1", "whd_1"]);

    expect(stdout).toContain("whd_1 run.failed is pending after 0 tries");
    expect(heard[0]?.path).toBe("/webhooks/whk_1/deliveries/whd_1/redeliver");
  });

  it("sends all again that was given up, as often as there is more, and says how many", async () => {
    let left = 2_300;
    const { stdout, heard } = await run(["webhooks", "redeliver", "whk_1", "--failed", "--since", "12h"], {
      "POST /webhooks/:id/redeliver": () => {
        const redelivered = Math.min(1_000, left);
        left -= redelivered;
        return { redelivered, remaining: left > 0 };
      },
    });

    expect(stdout).toBe("2300 on their way again\n");
    expect(heard.map(({ path }) => path)).toEqual(Array.from({ length: 3 }, () => "/webhooks/whk_1/redeliver"));
    expect(Object.keys(heard[0]?.body as object)).toEqual(["since"]);
  });

  it.each([[[]], [["whd_1", "--failed"]], [["whd_1", "--since", "1h"]]])(
    "asks what is to be sent again when that is not clear: %j",
    async (more) => {
      const { heard, code } = await run(["webhooks", "redeliver", "whk_1", ...more]);

      expect([heard, code]).toEqual([[], 2]);
    },
  );

  it("lists the events that can be told, and which are when nobody says", async () => {
    const { stdout, heard } = await run(["webhooks", "events"]);

    expect(stdout).toMatch(/^run\.failed +yes +A step failed for good\.$/m);
    expect(stdout).toMatch(/^session\.state_changed +The session went/m);
    expect(stdout).not.toContain("step.progress");
    expect(heard).toEqual([]);
  });

  it.each([
    ["arrives", { state: "delivered", lastStatus: 204 } as const, 0, "is delivered after 1 try"],
    ["does not arrive", { state: "pending", lastError: "timeout" } as const, 1, "the last try came to timeout"],
  ])("tests one and waits for the first try: one that %s", async (_, came, code, words) => {
    const started = delivery({ eventType: "webhook.test", state: "pending", attempts: 0 });
    const { lastStatus: _status, endedAt: _end, ...fresh } = started;
    let asked = 0;
    const ended = await run(["webhooks", "test", "whk_1"], {
      "POST /webhooks/:id/test": () => fresh,
      "GET /webhooks/:id/deliveries/:delivery": () => (++asked < 2 ? fresh : { ...fresh, attempts: 1, ...came }),
    });

    expect(ended.code).toBe(code);
    expect(ended.stdout).toContain(words);
  });

  it("says why a place may not be posted to", async () => {
    const { stderr, code } = await run(["webhooks", "create", "http://127.0.0.1/"], {
      "POST /webhooks": () => refusal(400, "ADDRESS_NOT_ALLOWED", "its operator can allow it"),
    });

    expect(stderr).toContain("its operator can allow it");
    expect(code).not.toBe(0);
  });
});
