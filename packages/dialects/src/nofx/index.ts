import type { ControlPlane } from "@signalbox/control-plane";

import type { Face } from "../route.ts";
import { nofxVoice } from "./refuse.ts";
import { nofxRoutes } from "./routes.ts";
import { RefusalSchema } from "./wire.ts";

/** The API of the NOFX guide, at the root. */
export function nofxFace(controlPlane: ControlPlane): Face {
  return {
    name: "nofx",
    mount: "/",
    routes: nofxRoutes(controlPlane),
    voice: nofxVoice,
    documents: { refusal: RefusalSchema },
  };
}

export { nofxRoutes, nofxVoice };
