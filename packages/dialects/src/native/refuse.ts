import type { Voice } from "../route.ts";

/** The native face answers with an ApiResponse, always with its meta. */
export const nativeVoice: Voice = {
  spell({ success, data, error }, { requestId, startMs }) {
    const duration = Math.round((performance.now() - startMs) * 1_000) / 1_000;
    const meta = JSON.stringify({ requestId, timestamp: timestamp(), duration });
    if (!success) return `{"success":false,"error":${JSON.stringify(error)},"meta":${meta}}`;
    return `{"success":true,"data":${spellOnce(data)},"meta":${meta}}`;
  },
};

const spelledData = new WeakMap<object, string>();

/** Handlers give the same object for as long as nothing has changed; then its text is the same too. */
function spellOnce(data: unknown): string {
  if (typeof data !== "object" || data === null) return JSON.stringify(data) ?? "null";
  let text = spelledData.get(data);
  if (text === undefined) spelledData.set(data, (text = JSON.stringify(data)));
  return text;
}

let spelledMs = 0;
let spelled = "";

/** Many answers are given in one millisecond; the time is spelled once for all of them. */
function timestamp(): string {
  const now = Date.now();
  if (now === spelledMs) return spelled;
  spelledMs = now;
  return (spelled = new Date(now).toISOString());
}
