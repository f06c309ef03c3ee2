import type { ServerDoor } from "../footprint/fake-runner.ts";

/** The API of a server in another process, by its port and token. */
export function doorOf(port: number, token: string): ServerDoor {
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    async call<Data>(method: string, path: string, body?: object): Promise<Data> {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      // The API vouches for the shape of its answers.
      const answer = (await response.json()) as { success: boolean; data: Data };
      if (!answer.success) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
      return answer.data;
    },
  };
}
