import { warnOfListenerFailure, type ListenerErrorHook } from "./listener-errors.ts";
import { LocalHub } from "./local-hub.ts";
import { MessageBus } from "./message-bus.ts";
import { ANONYMOUS_ID, SYSTEM_ID } from "./plugin-id.ts";
import type { Transport } from "./transport.ts";

/** What all copies of this package in a process share. */
interface Registry {
  hub: LocalHub;
  transport: Transport;
  readonly buses: Map<string, MessageBus>;
  onListenerError: ListenerErrorHook;
}

// The number goes up when what stands behind the key changes its shape.
const KEY = Symbol.for("@signalbox/messagebus/1");

/**
 * The bus of a plugin on this process's transport: the same handle for the same id, until it is closed or `resetMessageBus`.
 * Refuses with an InvalidPluginIdError what is not an id, and `system`.
 */
export function getMessageBus(pluginId: string): MessageBus {
  return busOf(pluginId, false);
}

/**
 * The bus of the host of plugins: its id is `system`, and it alone sends on `system/**` and `routing/**`. Within one process that
 * keeps honest plugins apart; a plugin that must not be trusted gets a process and a connection of its own.
 */
export function getSystemBus(): MessageBus {
  return busOf(SYSTEM_ID, true);
}

/** The bus as which clients call that have none of their own. */
export function getAnonymousBus(): MessageBus {
  return busOf(ANONYMOUS_ID, false);
}

/** What `getMessageBus` joins from now on; handles that exist stay where they are. Whoever made the transport closes it. */
export function setDefaultTransport(transport: Transport): void {
  registry().transport = transport;
}

/** Who is told when a handler throws, on every bus of `getMessageBus`; without an argument the default, a process warning. */
export function setListenerErrorHook(hook: ListenerErrorHook = warnOfListenerFailure): void {
  registry().onListenerError = hook;
}

/** As in a new process, for tests: handles and RPC servers are closed; transport and hook are the defaults again. */
export function resetMessageBus(): void {
  const old = registry();
  Reflect.deleteProperty(globalThis, KEY);
  for (const bus of old.buses.values()) void bus.close();
  void old.hub.close();
}

function busOf(pluginId: string, isSystem: boolean): MessageBus {
  const shared = registry();
  const known = shared.buses.get(pluginId);
  if (known && !known.isClosed && isSystem === (pluginId === SYSTEM_ID)) return known;
  const onListenerError: ListenerErrorHook = (failure) => shared.onListenerError(failure);
  const bus = new MessageBus({ pluginId, transport: shared.transport, isSystem, onListenerError });
  shared.buses.set(pluginId, bus);
  return bus;
}

function registry(): Registry {
  const global = globalThis as { [KEY]?: Registry };
  return (global[KEY] ??= newRegistry());
}

function newRegistry(): Registry {
  const hub = new LocalHub();
  return { hub, transport: hub, buses: new Map(), onListenerError: warnOfListenerFailure };
}
