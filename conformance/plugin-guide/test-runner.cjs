// The guide's test file expects its runner to supply these: here they are Node.js' own.
const assert = require("node:assert/strict");
const runner = require("node:test");

const expect = (value) => ({
  toBe: (other) => assert.equal(value, other),
  toBeDefined: () => assert.notEqual(value, undefined),
  toContain: (part) => assert.ok(value.includes(part), `${value} does not contain ${part}`),
});

Object.assign(globalThis, {
  describe: runner.describe,
  it: runner.it,
  beforeEach: runner.beforeEach,
  afterEach: runner.afterEach,
  expect,
  // The file uses it and does not import it (spec P-86).
  RPCClient: require("@signalbox/messagebus").RPCClient,
});
