// A stand-in for Gemini CLI, made for tests: started without `--acp` it is a program at a terminal that asks for a code and
// keeps a login in its home, as the real one does; with `--acp` it becomes the scripted agent, with the same environment.
// Its first arguments are the scripted agent's command, up to `--`.
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const words = process.argv.slice(2);
const end = words.indexOf("--");
if (words.slice(end + 1).includes("--acp")) process.execve(words[0], words.slice(0, end), process.env);

const terminal = createInterface({ input: process.stdin, terminal: false });
process.stdout.write("Paste the code: ");
const [code] = await once(terminal, "line");
terminal.close();
mkdirSync(join(process.env.HOME, ".gemini"), { recursive: true });
writeFileSync(join(process.env.HOME, ".gemini/oauth_creds.json"), JSON.stringify({ access_token: `secret-${code}` }));
console.log("Welcome.");
