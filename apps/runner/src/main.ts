#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// Before anything else is loaded: it halves the time to the first answer.
enableCompileCache();

await import("./run-daemon.ts");
