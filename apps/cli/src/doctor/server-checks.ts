import { createServer } from "node:net";

import { describeFailure } from "../failure.ts";
import type { Context } from "../context.ts";
import { duration } from "../text/format.ts";
import { fail, ok, warn, type Finding } from "./check.ts";

const MOST_SKEW_MS = 5_000;
const PATIENCE_MS = 5_000;

/** Reaches the server, compares clocks, and tries the token. */
export async function checkServer(context: Context, isNamed: boolean): Promise<Finding[]> {
  const { serverUrl, now } = context;
  const response = await fetch(`${serverUrl}/api/v1/limits`, {
    signal: AbortSignal.timeout(PATIENCE_MS),
    redirect: "manual",
  }).catch(() => undefined);
  if (!response) {
    const advice = isNamed
      ? "check --server or SIGNALBOX_URL, and that the server runs"
      : "start one with `signalbox up`";
    const finding = (isNamed ? fail : warn)("server", `nothing answers at ${serverUrl}`, advice);
    return isNamed ? [finding] : [finding, await checkPort(new URL(serverUrl))];
  }
  await response.body?.cancel();
  if (!response.ok)
    return [
      fail(
        "server",
        `what answers at ${serverUrl} is no Signalbox server (${response.status})`,
        "check --server or SIGNALBOX_URL",
      ),
    ];
  return [ok("server", `answers at ${serverUrl}`), checkClock(response, now()), await checkToken(context)];
}

function checkClock(response: Response, nowMs: number): Finding {
  const serverMs = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(serverMs)) return ok("clock", "the server does not tell the time");
  // The header has whole seconds, cut off.
  const skewMs = Math.max(0, Math.abs(nowMs - serverMs - 500) - 500);
  if (skewMs <= MOST_SKEW_MS) return ok("clock", "agrees with the server's");
  return warn(
    "clock",
    `differs from the server's by ${duration(skewMs)}`,
    "let both machines keep time with NTP; tokens and gates expire by the server's clock",
  );
}

async function checkToken(context: Context): Promise<Finding> {
  try {
    await (await context.client({ retries: 0 })).runs.list({ limit: 1 });
    return ok("token", "the server accepts it");
  } catch (error) {
    const failure = describeFailure(error);
    if (!failure) throw error;
    return fail("token", failure.message, failure.hint ?? "make one with `signalbox token create`");
  }
}

/** Whether the port that a server would use here is free. */
async function checkPort({ hostname, port }: URL): Promise<Finding> {
  const number = Number(port || 80);
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen(number, hostname.replace(/^\[|\]$/g, ""), () => server.close(() => resolve(undefined)));
  });
  if (!error) return ok("port", `${number} is free`);
  return fail(
    "port",
    `${number} cannot be used (${error.code})`,
    "end what uses it, or choose another with `signalbox up --port`",
  );
}
