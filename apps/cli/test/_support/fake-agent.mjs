// An agent's program as far as logging in goes: it asks for a code at its terminal, keeps what it was given as a login, and
// writes down how it was started.
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const [kind = "", ...words] = process.argv.slice(2);
const credentials = {
  codex: ".codex/auth.json",
  claude: ".claude/.credentials.json",
  gemini: ".gemini/oauth_creds.json",
};
const file = join(process.env.HOME ?? "", credentials[kind]);
const record = { argv: words, env: process.env, cwd: process.cwd(), isTerminal: process.stdin.isTTY === true };
writeFileSync(join(process.env.HOME ?? "", "started.json"), JSON.stringify(record));

if (words.includes("logout")) {
  rmSync(file);
  console.log("the account was told");
} else if (words.includes("--fail")) {
  process.exit(3);
} else if (!words.includes("--nothing")) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout, terminal: false });
  process.stdout.write("Paste the code: ");
  const [code] = await once(terminal, "line");
  terminal.close();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ token: `secret-of-${code}` }));
  console.log("Welcome.");
}
