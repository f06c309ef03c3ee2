import type { ControlPlane } from "@signalbox/control-plane";

import type { Face } from "../route.ts";
import { nativeRoutes } from "./routes.ts";
import { nativeVoice } from "./refuse.ts";

/** The native API, under `/api/v1`. */
export function nativeFace(controlPlane: ControlPlane): Face {
  return { name: "native", mount: "/api/v1", routes: nativeRoutes(controlPlane), voice: nativeVoice };
}

export { nativeRoutes, nativeVoice };
