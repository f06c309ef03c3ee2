import type { Voice } from "../route.ts";

/** This face answers with bare objects, and refuses with `{error}` and the status that the code has everywhere. */
export const nofxVoice: Voice = {
  spell({ success, data, error }) {
    return JSON.stringify(success ? data : { error });
  },
};
