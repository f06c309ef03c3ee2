import type { Voice } from "../route.ts";

/** The native face answers with an ApiResponse, always with its meta. */
export const nativeVoice: Voice = {
  spell({ success, data, error }, { requestId, startMs }) {
    const duration = Math.round((performance.now() - startMs) * 1_000) / 1_000;
    const meta = { requestId, timestamp: new Date().toISOString(), duration };
    return JSON.stringify(success ? { success, data, meta } : { success, error, meta });
  },
};
