import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, lstat, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";

import { geminiHome } from "./gemini-launch.ts";

/** A file that Gemini CLI has for a conversation. */
interface ChatFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Makes a conversation fit to be loaded. Loading one, Gemini CLI begins another file for it, named after the minute; so it
 * destroys a conversation whose own file has that name, and leaves files behind that hold nothing of it. Hence: the largest
 * file is the conversation, and gets the name of an older minute; the others are put aside; and a copy is kept, from which a
 * conversation that is gone comes back. Does nothing when there is no such conversation: loading it tells.
 */
export async function prepareGeminiSession(home: string, sessionId: string, nowMs: number): Promise<void> {
  const id = sessionId.slice(0, ID_LENGTH);
  const folder = (await chatFolders(home, id))[0];
  if (folder === undefined) return;
  const copies = await copiesFolder(folder);
  const [chat, ...others] = await chatsIn(folder, id);
  for (const { name } of others) await rename(join(folder, name), join(copies, `${name}.spare`));
  if (!chat) return restoreChat(folder, copies, id, nowMs);
  const draft = join(copies, `${randomBytes(6).toString("hex")}.tmp`);
  await copyFile(join(folder, chat.name), draft, constants.COPYFILE_EXCL);
  await rename(draft, join(copies, `copy-${id}.jsonl`));
  const older = withOlderMinute(chat.name, nowMs);
  if (older !== chat.name) await rename(join(folder, chat.name), join(folder, older));
}

/** The name with its minute a day before, when it is that of now or one beside it. Pure. */
export function withOlderMinute(name: string, nowMs: number): string {
  const [, minute = ""] = /^session-(\d{4}-\d\d-\d\dT\d\d-\d\d)-/.exec(name) ?? [];
  const time = Date.parse(`${minute.replace(/-(\d\d)$/, ":$1")}:00Z`);
  if (Number.isNaN(time) || Math.abs(nowMs - time) > NEAR_MS) return name;
  const older = new Date(time - DAY_MS).toISOString().slice(0, 16).replace(":", "-");
  return name.replace(minute, older);
}

const ID_LENGTH = 8;
const DAY_MS = 86_400_000;
/** A minute and what it may take to start. */
const NEAR_MS = 300_000;
const COPIES = "signalbox-copies";

/** The plain files of a session, the largest first. What is no plain file there is nothing of Gemini's. */
async function chatsIn(folder: string, id: string): Promise<readonly ChatFile[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => isChatOf(name, id));
  const files = await Promise.all(names.map(async (name) => ({ name, stats: await lstat(join(folder, name)) })));
  return files
    .filter(({ stats }) => stats.isFile())
    .map(({ name, stats }) => ({ name, bytes: stats.size }))
    .sort((one, other) => other.bytes - one.bytes || one.name.localeCompare(other.name));
}

async function restoreChat(folder: string, copies: string, id: string, nowMs: number): Promise<void> {
  const copy = join(copies, `copy-${id}.jsonl`);
  if (!(await lstat(copy).catch(() => undefined))?.isFile()) return;
  const minute = new Date(nowMs - DAY_MS).toISOString().slice(0, 16).replace(":", "-");
  // Never over something that stands there: it may be a link to somewhere else.
  await copyFile(copy, join(folder, `session-${minute}-${id}.jsonl`), constants.COPYFILE_EXCL);
}

/** The folders of all projects of the home that know a session; a home has one project. */
async function chatFolders(home: string, id: string): Promise<string[]> {
  const projects = join(geminiHome(home), "tmp");
  const names = await readdir(projects).catch(() => []);
  const known = await Promise.all(
    names.map(async (name) => {
      const folder = join(projects, name, "chats");
      if (!(await isPlainFolder(folder))) return [];
      const files = [...(await readdir(folder)), ...(await readdir(join(folder, COPIES)).catch(() => []))];
      return files.some((file) => isChatOf(file, id) || file === `copy-${id}.jsonl`) ? [folder] : [];
    }),
  );
  return known.flat();
}

async function copiesFolder(folder: string): Promise<string> {
  const copies = join(folder, COPIES);
  await mkdir(copies, { recursive: true, mode: 0o700 });
  if (!(await isPlainFolder(copies))) throw new Error(`${copies} is not a folder`);
  return copies;
}

function isChatOf(name: string, id: string): boolean {
  return name.startsWith("session-") && name.endsWith(`-${id}.jsonl`);
}

async function isPlainFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}
