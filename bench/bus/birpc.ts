import { createBirpc } from "birpc";

import { PARAMS, RESULT, type Contender } from "./contender.ts";

const methods = { createEndpoint: async (_params: typeof PARAMS) => RESULT };

/** birpc with both ends in one process and nothing between them. */
export async function openBirpc(): Promise<Contender> {
  let toServer: (data: unknown) => void = () => {};
  let toClient: (data: unknown) => void = () => {};
  createBirpc(methods, { post: (data) => toClient(data), on: (fn) => void (toServer = fn) });
  const client = createBirpc<typeof methods>({}, { post: (data) => toServer(data), on: (fn) => void (toClient = fn) });
  return { call: () => client.createEndpoint(PARAMS), async [Symbol.asyncDispose]() {} };
}
