import type { ControlPlane } from "@signalbox/control-plane";

import { nativeVoice } from "../native/refuse.ts";
import type { Face } from "../route.ts";
import { MOUNT, runnerRoutes } from "./routes.ts";

/** What runners use over HTTP, under `/runner/v1`. */
export function runnerFace(controlPlane: ControlPlane): Face {
  return { name: "runner", mount: MOUNT, routes: runnerRoutes(controlPlane), voice: nativeVoice };
}
