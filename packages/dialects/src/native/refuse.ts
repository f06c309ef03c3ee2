import type { Voice } from "../route.ts";

/** The native face answers with an ApiResponse, always with its meta. */
export const nativeVoice: Voice = {
  spell({ success, data, error }, { requestId, startMs }) {
    const duration = Math.round((performance.now() - startMs) * 1_000) / 1_000;
    const meta = { requestId, timestamp: timestamp(), duration };
    return JSON.stringify(success ? { success, data, meta } : { success, error, meta });
  },
};

let spelledMs = 0;
let spelled = "";

/** Many answers are given in one millisecond; the time is spelled once for all of them. */
function timestamp(): string {
  const now = Date.now();
  if (now === spelledMs) return spelled;
  spelledMs = now;
  return (spelled = new Date(now).toISOString());
}
