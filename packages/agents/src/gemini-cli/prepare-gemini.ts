import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, lstat, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";

import { geminiHome } from "./gemini-launch.ts";

/** A conversation as Gemini CLI keeps it. */
interface ChatFile {
  readonly folder: string;
  readonly name: string;
}

/**
 * Makes a conversation fit to be loaded. Gemini CLI refuses one that was begun in the minute in which it is loaded, and in
 * refusing destroys it; so the minute in the name of its file is made an older one, and a copy is kept, from which a
 * conversation that is gone comes back. Does nothing when there is no such conversation: loading it tells.
 */
export async function prepareGeminiSession(home: string, sessionId: string, nowMs: number): Promise<void> {
  const id = sessionId.slice(0, ID_LENGTH);
  const chat = (await findChat(home, id)) ?? (await restoreChat(home, id));
  if (!chat) return;
  const path = join(chat.folder, chat.name);
  const copies = await copiesFolder(chat.folder);
  const draft = join(copies, `${randomBytes(6).toString("hex")}.tmp`);
  await copyFile(path, draft, constants.COPYFILE_EXCL);
  await rename(draft, join(copies, chat.name));
  const older = withOlderMinute(chat.name, nowMs);
  if (older !== chat.name) await rename(path, join(chat.folder, older));
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

/** The newest file of a session in any project of the home. What is no plain file there is nothing of Gemini's. */
async function findChat(home: string, id: string): Promise<ChatFile | undefined> {
  for (const folder of await chatFolders(home)) {
    const names = (await readdir(folder).catch(() => [])).filter((name) => isChatOf(name, id)).sort();
    const name = names.at(-1);
    if (name !== undefined && (await isPlainFile(join(folder, name)))) return { folder, name };
  }
  return undefined;
}

async function restoreChat(home: string, id: string): Promise<ChatFile | undefined> {
  for (const folder of await chatFolders(home)) {
    const copies = join(folder, COPIES);
    const names = (await readdir(copies).catch(() => [])).filter((name) => isChatOf(name, id)).sort();
    const name = names.at(-1);
    if (name === undefined || !(await isPlainFile(join(copies, name)))) continue;
    // Never over something that stands there: it may be a link to somewhere else.
    await copyFile(join(copies, name), join(folder, name), constants.COPYFILE_EXCL);
    return { folder, name };
  }
  return undefined;
}

async function chatFolders(home: string): Promise<string[]> {
  const projects = join(geminiHome(home), "tmp");
  const names = await readdir(projects).catch(() => []);
  const folders = names.map((name) => join(projects, name, "chats"));
  const isFolder = await Promise.all(folders.map((folder) => isPlainFolder(folder)));
  return folders.filter((_, index) => isFolder[index]);
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

async function isPlainFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isFile() ?? false;
}

async function isPlainFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}
