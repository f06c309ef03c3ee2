export type { FakeAgent } from "./fake-agent.ts";
export { CONFIG, ORG, PROJECT } from "./fake-ids.ts";
export { OmnaraFake } from "./omnara-fake.ts";
export type { FakeRequest } from "./omnara-fake.ts";
