import { pathOf } from "../../src/faces.ts";
import type { Face, Route } from "../../src/route.ts";

/** A route of a face, and a path that leads to it. */
export interface ConcreteRoute {
  readonly face: Face;
  readonly route: Route;
  readonly name: string;
  readonly path: string;
}

/** Every route of some faces with its parameters filled in, so that tests cover what is added later too. */
export function concreteRoutes(faces: readonly Face[], values: Readonly<Record<string, string>> = {}): ConcreteRoute[] {
  return faces.flatMap((face) =>
    face.routes.map((route) => {
      const template = pathOf(face, route);
      const path = template.replace(/:(\w+)(?:\{[^/]*\})?/g, (_, name: string) => values[name] ?? "some-1");
      return { face, route, name: `${route.method} ${template}`, path };
    }),
  );
}
