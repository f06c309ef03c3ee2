import type { GitAccessSettings } from "./git-access-settings.ts";

/** How git calls ssh: with the owner's key and no other, to hosts that the owner has written down, asking nobody anything. */
export function sshCommand({ keyFile, knownHostsFile }: Exclude<GitAccessSettings["ssh"], undefined>): string {
  const options = [
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "StrictHostKeyChecking=yes",
    "ConnectTimeout=30",
    "GlobalKnownHostsFile=/dev/null",
    `UserKnownHostsFile="${knownHostsFile}"`,
  ];
  const words = ["ssh", "-F", "/dev/null", "-i", keyFile, ...options.flatMap((option) => ["-o", option])];
  return words.map(quoted).join(" ");
}

/** For the shell that git gives the command to. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
