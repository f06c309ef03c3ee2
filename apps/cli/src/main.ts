#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// Before anything else is loaded: it halves the time to the first line.
enableCompileCache();

const { runCli } = await import("./cli.ts");
process.exitCode = await runCli(process);
