import { existsSync } from "node:fs";
import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/main.ts"].filter((file) => existsSync(file)),
  format: "esm",
  platform: "node",
  target: "node24",
  dts: false,
  sourcemap: true,
  clean: true,
});
