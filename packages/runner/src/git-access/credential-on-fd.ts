import type { GitCredential } from "./git-access.ts";

/** Where git is given a credential: neither its arguments, its environment nor a file ever hold it. */
export const CREDENTIAL_FD = 3;

/** What is written there: what a credential helper says (git-credential(1)). It can be read once. */
export function credentialText({ username, password }: GitCredential): string {
  return `username=${username}\npassword=${password}\n`;
}

/** The settings with which git asks there, for this server and no other. */
export function credentialSettings({ origin }: Pick<GitCredential, "origin">): Readonly<Record<string, string>> {
  const helper = `!f() { test "$1" = get && cat <&${CREDENTIAL_FD}; }; f`;
  return { [`credential.${origin}.helper`]: helper };
}
