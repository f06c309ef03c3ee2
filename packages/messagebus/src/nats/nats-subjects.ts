import { REMAINING_LEVELS } from "../topic.ts";

/** Who sent a message, and on which topic. */
export interface SentOn {
  readonly source: string;
  readonly topic: string;
}

const PREFIX = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

/**
 * The subjects of the bus on a NATS server. Who sends is a token of the subject, so that the server's own permissions can
 * see to it that nobody sends in another's name; nothing in a message says it. Topic levels and tokens are the same.
 */
export class NatsSubjects {
  readonly prefix: string;

  /** Throws a TypeError when the prefix is not one or more tokens of letters, digits, `_` and `-`. */
  constructor(prefix: string) {
    if (!PREFIX.test(prefix)) throw new TypeError(`${JSON.stringify(prefix)} is not a prefix of NATS subjects`);
    this.prefix = prefix;
  }

  /** Where a plugin publishes. Both may be patterns. */
  publish(source: string, topic: string): string {
    return `${this.prefix}.pub.${source}.${toTokens(topic)}`;
  }

  /** Where a plugin sends to one other alone. All may be patterns. */
  directed(destination: string, source: string, topic: string): string {
    return `${this.prefix}.to.${destination}.${source}.${toTokens(topic)}`;
  }

  /** Where a plugin is asked. */
  ask(destination: string, source: string): string {
    return `${this.prefix}.ask.${destination}.${source}`;
  }

  /** Where the RPC server of a plugin is called. */
  call(destination: string, source: string): string {
    return `${this.prefix}.call.${destination}.${source}`;
  }

  /** Where a plugin is told that nobody waits any more. */
  cancel(destination: string, source: string): string {
    return `${this.prefix}.cancel.${destination}.${source}`;
  }

  /** Below which a plugin gets its answers. */
  inbox(pluginId: string, token: string): string {
    return `${this.prefix}.inbox.${pluginId}.${token}`;
  }

  /** Reads a subject of `publish`. */
  readPublished(subject: string): SentOn {
    return readSent(subject.slice(this.prefix.length + ".pub.".length));
  }

  /** Reads a subject of `directed`. */
  readDirected(subject: string): SentOn {
    const rest = subject.slice(this.prefix.length + ".to.".length);
    return readSent(rest.slice(rest.indexOf(".") + 1));
  }

  /** Who asks, calls or cancels: the last token. */
  readSource(subject: string): string {
    return subject.slice(subject.lastIndexOf(".") + 1);
  }

  /**
   * Whether an answer may go there. An answer is allowed wherever the question says; without this look a plugin could have
   * another send its answer as a message of its own.
   */
  isInboxOf(pluginId: string, reply: string | undefined): reply is string {
    return reply?.startsWith(`${this.prefix}.inbox.${pluginId}.`) ?? false;
  }
}

/** A canonical topic or pattern as tokens. */
function toTokens(topic: string): string {
  const tokens = topic.replaceAll("/", ".");
  return tokens.endsWith(REMAINING_LEVELS) ? `${tokens.slice(0, -REMAINING_LEVELS.length)}>` : tokens;
}

function readSent(rest: string): SentOn {
  const end = rest.indexOf(".");
  return { source: rest.slice(0, end), topic: rest.slice(end + 1).replaceAll(".", "/") };
}
