import { OmnaraOptionsSchema } from "@signalbox/agents";
import { ProviderIdSchema } from "@signalbox/protocol";
import { isAbsolute } from "node:path";
import * as z from "zod";

const FolderSchema = z.string().refine(isAbsolute, "must be an absolute path");
const VariableSchema = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of a variable");

/** Where an agent reaches its model; of omnara, where the service is. The key stands in a file of its own, so that this one can be shown around. */
const EndpointSchema = z.strictObject({
  baseUrl: z.url({ protocol: /^https?$/, error: "must be an http(s) URL" }),
  apiKeyFile: z.string().min(1),
});

const AgentEntrySchema = z
  .strictObject({
    /** One that is installed, or what the program calls itself. Default: the version that this release was tested with. */
    version: z
      .string()
      .regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/, "must be an exact version")
      .optional(),
    /** Instead of an installed one: the program, and what always comes after it. */
    program: z.tuple([FolderSchema], z.string()).optional(),
    /** More folders that the program needs to see in a sandbox, beside the one that it stands in. */
    folders: z.array(FolderSchema).max(20).default([]),
    endpoint: EndpointSchema.optional(),
    /** A home with a login that the owner made; it is used as it is. */
    home: FolderSchema.optional(),
    /** What only this provider knows. */
    options: z.record(z.string(), z.json()).default({}),
    /** What the scripted agent plays: a file. */
    script: z.string().min(1).optional(),
    /** Of an agent `acp:<name>`: what makes it speak ACP, and the variables that carry an endpoint. */
    arguments: z.array(z.string()).max(50).optional(),
    endpointVariables: z.strictObject({ baseUrl: VariableSchema, apiKey: VariableSchema }).optional(),
  })
  .refine(({ endpoint, home }) => !(endpoint && home), "has an endpoint and a home; a home has its own way to a model")
  .refine(({ program, version }) => !program || version, "has a program, so it must say the version too");

/** The agents that a machine's owner offers, by provider, as `agents.json` holds them. */
export const AgentsFileSchema = z.strictObject({
  agents: z.record(z.string(), AgentEntrySchema).superRefine((agents, context) => {
    for (const [provider, entry] of Object.entries(agents)) {
      for (const message of mistakesOf(provider, entry))
        context.addIssue({ code: "custom", path: [provider], message });
    }
  }),
});
export type AgentsFile = z.infer<typeof AgentsFileSchema>;
export type AgentEntry = z.infer<typeof AgentEntrySchema>;

function mistakesOf(provider: string, entry: z.output<typeof AgentEntrySchema>): string[] {
  if (!ProviderIdSchema.safeParse(provider).success)
    return ["is no provider; there are codex, claude_code, gemini_cli, omnara, scripted and acp:<name>"];
  if (provider === "omnara") return mistakesOfService(entry);
  const isAcp = provider.startsWith("acp:");
  return [
    ...(isAcp && !entry.program ? ["is an agent of your own, so it must say its program"] : []),
    ...(!isAcp && (entry.arguments ?? entry.endpointVariables)
      ? ["has arguments or endpointVariables, which only an agent acp:<name> has"]
      : []),
    ...(provider !== "scripted" && entry.script !== undefined ? ["has a script, which only scripted plays"] : []),
    ...(provider === "scripted" && (entry.program ?? entry.version ?? entry.endpoint ?? entry.home)
      ? ["is part of the runner: it takes a script, and nothing else"]
      : []),
  ];
}

/** Nothing of a service is on this machine, and it has one way in. */
function mistakesOfService({ endpoint, options, ...entry }: z.output<typeof AgentEntrySchema>): string[] {
  const { program, home, script, arguments: args, endpointVariables, folders } = entry;
  const { error } = OmnaraOptionsSchema.safeParse(options);
  return [
    ...(endpoint ? [] : ["is a service: it needs an endpoint, with a file that holds its key"]),
    ...((program ?? home ?? script ?? args ?? endpointVariables ?? folders[0])
      ? ["is a service: it takes a version, an endpoint and options, and nothing else"]
      : []),
    ...(error?.issues ?? []).map(({ path, message }) => `has options that cannot be: ${path.join(".")} ${message}`),
  ];
}
