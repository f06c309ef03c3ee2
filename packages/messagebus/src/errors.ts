/** What can go wrong on the bus, and whether the same attempt can succeed later. */
export const BUS_ERRORS = {
  INVALID_TOPIC: { isRetryable: false },
  INVALID_MESSAGE: { isRetryable: false },
  INVALID_PLUGIN_ID: { isRetryable: false },
  INVALID_ENDPOINT: { isRetryable: false },
  RESERVED_TOPIC: { isRetryable: false },
  FORBIDDEN_TOPIC: { isRetryable: false },
  REQUEST_TIMEOUT: { isRetryable: true },
  NO_RESPONDER: { isRetryable: true },
  UNKNOWN_METHOD: { isRetryable: false },
  NOT_ADDRESSED: { isRetryable: false },
  REMOTE_ERROR: { isRetryable: false },
  OVERLOADED: { isRetryable: true },
  CONNECTION_LOST: { isRetryable: true },
  NOT_ADMITTED: { isRetryable: false },
} as const satisfies Record<string, { readonly isRetryable: boolean }>;

/** The `code` of a `BusError`. */
export type BusErrorCode = keyof typeof BUS_ERRORS;

/** A refusal of the bus that its user can act on. Told apart by `code`, which holds over two loaded copies as well. */
export class BusError extends Error {
  override readonly name: string = "BusError";
  readonly code: BusErrorCode;
  /** Whether the same attempt can succeed later. */
  readonly isRetryable: boolean;

  constructor(code: BusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.isRetryable = BUS_ERRORS[code].isRetryable;
  }
}

/** A topic or pattern that the grammar does not have, or a wildcard where a message was to be sent. */
export class InvalidTopicError extends BusError {
  override readonly name = "InvalidTopicError";

  constructor(message: string, options?: ErrorOptions) {
    super("INVALID_TOPIC", message, options);
  }
}

/** An envelope or payload that cannot be sent: not JSON data, a cycle, a `__proto__` key, too deep, too big. */
export class InvalidMessageError extends BusError {
  override readonly name = "InvalidMessageError";

  constructor(message: string, options?: ErrorOptions) {
    super("INVALID_MESSAGE", message, options);
  }
}

/** A plugin id that is not one, or that nobody may take. */
export class InvalidPluginIdError extends BusError {
  override readonly name = "InvalidPluginIdError";

  constructor(message: string, options?: ErrorOptions) {
    super("INVALID_PLUGIN_ID", message, options);
  }
}

/** An endpoint that is not `plugin://<id>/rpc`, or one of another plugin. */
export class InvalidEndpointError extends BusError {
  override readonly name = "InvalidEndpointError";

  constructor(message: string, options?: ErrorOptions) {
    super("INVALID_ENDPOINT", message, options);
  }
}

/** Only the host of the plugins publishes on `system/**` and `routing/**`. */
export class ReservedTopicError extends BusError {
  override readonly name = "ReservedTopicError";

  constructor(message: string, options?: ErrorOptions) {
    super("RESERVED_TOPIC", message, options);
  }
}

/** The access list of this plugin does not have this topic, endpoint or plugin. */
export class ForbiddenTopicError extends BusError {
  override readonly name = "ForbiddenTopicError";

  constructor(message: string, options?: ErrorOptions) {
    super("FORBIDDEN_TOPIC", message, options);
  }
}

/** Nobody answered in time. What was asked may have happened. */
export class RequestTimeoutError extends BusError {
  override readonly name = "RequestTimeoutError";

  constructor(message: string, options?: ErrorOptions) {
    super("REQUEST_TIMEOUT", message, options);
  }
}

/** There is nobody who could answer: no such plugin, no matching subscription, no RPC server, or it went away. */
export class NoResponderError extends BusError {
  override readonly name = "NoResponderError";

  constructor(message: string, options?: ErrorOptions) {
    super("NO_RESPONDER", message, options);
  }
}

/** The RPC server is there and has no such method. */
export class UnknownMethodError extends BusError {
  override readonly name = "UnknownMethodError";

  constructor(message: string, options?: ErrorOptions) {
    super("UNKNOWN_METHOD", message, options);
  }
}

/** `respond` to a request that this plugin was not asked. */
export class NotAddressedError extends BusError {
  override readonly name = "NotAddressedError";

  constructor(message: string, options?: ErrorOptions) {
    super("NOT_ADDRESSED", message, options);
  }
}

/** The other side threw; the message is what it threw. In one process `cause` is the thrown thing itself. */
export class RemoteError extends BusError {
  override readonly name = "RemoteError";

  constructor(message: string, options?: ErrorOptions) {
    super("REMOTE_ERROR", message, options);
  }
}

/** A queue, a rate or a number of open requests is at its limit. */
export class OverloadedError extends BusError {
  override readonly name = "OverloadedError";

  constructor(message: string, options?: ErrorOptions) {
    super("OVERLOADED", message, options);
  }
}

/** The bus or its transport was closed, or the connection broke. What was under way may have happened. */
export class ConnectionLostError extends BusError {
  override readonly name = "ConnectionLostError";

  constructor(message: string, options?: ErrorOptions) {
    super("CONNECTION_LOST", message, options);
  }
}

/** The other side does not let this plugin take part: its credential is refused or revoked, or another connection has its place. */
export class NotAdmittedError extends BusError {
  override readonly name = "NotAdmittedError";

  constructor(message: string, options?: ErrorOptions) {
    super("NOT_ADMITTED", message, options);
  }
}

const CLASSES: Readonly<Record<BusErrorCode, new (message: string, options?: ErrorOptions) => BusError>> = {
  INVALID_TOPIC: InvalidTopicError,
  INVALID_MESSAGE: InvalidMessageError,
  INVALID_PLUGIN_ID: InvalidPluginIdError,
  INVALID_ENDPOINT: InvalidEndpointError,
  RESERVED_TOPIC: ReservedTopicError,
  FORBIDDEN_TOPIC: ForbiddenTopicError,
  REQUEST_TIMEOUT: RequestTimeoutError,
  NO_RESPONDER: NoResponderError,
  UNKNOWN_METHOD: UnknownMethodError,
  NOT_ADDRESSED: NotAddressedError,
  REMOTE_ERROR: RemoteError,
  OVERLOADED: OverloadedError,
  CONNECTION_LOST: ConnectionLostError,
  NOT_ADMITTED: NotAdmittedError,
};

/** The error that came over a wire as code and message. A code that this version does not know is a `RemoteError`. */
export function toBusError(code: string, message: string): BusError {
  const Class = Object.hasOwn(CLASSES, code) ? CLASSES[code as BusErrorCode] : RemoteError;
  return new Class(message);
}
