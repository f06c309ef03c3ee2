import type { Scope } from "@signalbox/protocol";
import { Option, type Command } from "commander";

import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { localTokenFile } from "../local-server.ts";
import type { Act } from "../program.ts";
import { readMilliseconds } from "../read-milliseconds.ts";
import { ago, until } from "../text/format.ts";
import { remoteText } from "../text/remote-text.ts";

/** Those of the protocol; they stand here too so that `--help` loads nothing. */
const SCOPES = [
  "runs:read",
  "runs:write",
  "gates:decide",
  "sessions:read",
  "sessions:write",
  "sessions:type",
  "runners:read",
  "runners:write",
  "projects:write",
  "plugins:read",
  "plugins:call",
  "plugins:write",
  "plugins:approve",
  "webhooks:read",
  "webhooks:write",
  "admin",
] satisfies Scope[];

/** `signalbox token`: credentials of people and programs. */
export function define(command: Command, act: Act): void {
  command.usage("[options] <command>");
  command.command("list").description("list tokens, without their secret part").action(act(listTokens));
  command
    .command("create")
    .argument("<name>", "what it is for")
    .description("make a token; its secret part is printed this once")
    .addOption(new Option("-s, --scope <scope...>", "what it permits").choices(SCOPES).makeOptionMandatory())
    .option("--expires <time>", "ends it after this time, such as 12h or 90d", readMilliseconds)
    .action(act(createToken));
  command.command("revoke").argument("<token>", "its id").description("revoke a token").action(act(revokeToken));
  command.command("path").description("print where the token of this machine's server is").action(act(printPath));
}

async function listTokens({ client, output, now }: Context): Promise<void> {
  const list = await (await client()).tokens.list();
  output.result(list, ({ items }) => {
    const rows = items.map((token) => [
      token.id,
      token.revokedAt !== undefined
        ? "revoked"
        : token.expiresAt && Date.parse(token.expiresAt) <= now()
          ? "expired"
          : "valid",
      remoteText(token.name),
      token.scopes.join(","),
      ago(token.createdAt, now()),
      token.lastUsedAt === undefined ? "never" : ago(token.lastUsedAt, now()),
      token.expiresAt === undefined ? "never" : until(token.expiresAt, now()),
    ]);
    output.table(["TOKEN", "STATE", "NAME", "PERMITS", "MADE", "USED", "EXPIRES"], rows, "no tokens");
  });
}

async function createToken(
  { client, output }: Context,
  name: string,
  options: { scope: Scope[]; expires?: number },
): Promise<void> {
  const expiry = options.expires === undefined ? {} : { expiresInMs: options.expires };
  const made = await (await client()).tokens.create({ name, scopes: options.scope, ...expiry });
  output.result(made, () => {
    output.line(made.token);
    output.note(`keep it now, it is not shown again; revoke it with \`signalbox token revoke ${made.id}\``);
  });
}

async function revokeToken({ client, output }: Context, tokenId: string): Promise<void> {
  const token = await (await client()).tokens.revoke(tokenId);
  output.result(token, () => output.line(`${token.id} is revoked`));
}

async function printPath({ environment, output }: Context): Promise<void> {
  const path = localTokenFile(environment);
  if (path === undefined)
    throw new CommandError("there is no home folder, so there is no place for a local token", {
      hint: "set HOME or SIGNALBOX_DATA_DIR",
    });
  output.result({ path }, () => output.line(path));
}
