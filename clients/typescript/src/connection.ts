// Requests and streams over `fetch`: sent again where that is safe, gone on with where they broke off.

import { Place, Gap } from "./events.js";
import { PipelineError, ProblemError, ProtocolError, problemOf } from "./errors.js";
import { Attempts, waited, type Retries } from "./retries.js";
import { EventParser } from "./sse.js";

/** Longest wait for an answer, in milliseconds: a repository may have to be fetched first. */
const ANSWER_MS_MAX = 300_000;
/** Longest silence of a stream: the server shows every 10 s that it lives. */
const SILENCE_MS_MAX = 35_000;

/** A request. */
export interface Call {
  method: "GET" | "POST";
  path: string;
  /** Whether sending it twice does what sending it once does. */
  isSafe: boolean;
  headers?: Record<string, string>;
  body?: string;
}

/** How a server is asked. */
export interface Connection {
  baseUrl: string;
  headers: Record<string, string>;
  retries: Retries;
  fetch: typeof fetch;
}

/** Sends a request and reads its answer. */
export async function send<T>(to: Connection, call: Call, signal: AbortSignal | undefined, read: (response: Response) => Promise<T>): Promise<T> {
  const attempts = new Attempts(to.retries, call.isSafe);
  for (;;) {
    const watch = new Watch(signal);
    let wait: number;
    try {
      watch.within(ANSWER_MS_MAX);
      const response = await asked(to, call, {}, watch.signal);
      return await read(response);
    } catch (error) {
      wait = waitAfter(error, attempts, signal, {});
    } finally {
      watch.stop();
    }
    await waited(wait, signal);
  }
}

/** The events of a stream, each once and in order, over as many connections as it takes. */
export async function* follow<Told extends { data: object }>(
  to: Connection,
  call: Call,
  place: Place<Told>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Told, void, void> {
  const attempts = new Attempts(to.retries, true);
  for (;;) {
    let wait: number;
    try {
      for await (const told of connection(to, call, place, attempts, signal)) {
        yield told;
      }
      if (place.isOver) {
        return;
      }
      wait = attempts.broken("the stream broke off", place.known());
    } catch (error) {
      wait = waitAfter(error, attempts, signal, place.known());
    }
    await waited(wait, signal);
  }
}

async function* connection<Told extends { data: object }>(
  to: Connection,
  call: Call,
  place: Place<Told>,
  attempts: Attempts,
  signal: AbortSignal | undefined,
): AsyncGenerator<Told, void, void> {
  const watch = new Watch(signal);
  try {
    watch.within(ANSWER_MS_MAX);
    const response = await asked(to, call, place.headers(), watch.signal);
    const kind = response.headers.get("content-type") ?? "";
    if (!kind.startsWith("text/event-stream") || response.body === null) {
      throw new ProtocolError(`the server answered with \`${kind}\` where events are wanted: is that its address?`);
    }
    attempts.connected();
    const reader = response.body.getReader();
    const parser = new EventParser();
    for (;;) {
      watch.within(SILENCE_MS_MAX);
      const chunk = await reader.read();
      // Whoever takes the events may take their time.
      watch.within(undefined);
      if (chunk.done) {
        return;
      }
      for (const message of parsed(parser, chunk.value)) {
        const told = place.take(message);
        attempts.retryMs = parser.retryMs;
        if (told !== undefined) {
          attempts.came();
          yield told;
          signal?.throwIfAborted();
        }
        if (place.isOver) {
          return;
        }
      }
    }
  } finally {
    watch.stop();
  }
}

function parsed(parser: EventParser, chunk: Uint8Array) {
  try {
    return parser.feed(chunk);
  } catch (cause) {
    throw new ProtocolError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function asked(to: Connection, call: Call, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  const kind: Record<string, string> = call.body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await to.fetch(to.baseUrl + call.path, {
    method: call.method,
    headers: { ...to.headers, ...headers, ...call.headers, ...kind },
    ...(call.body === undefined ? {} : { body: call.body }),
    redirect: "manual",
    cache: "no-store",
    credentials: "same-origin",
    signal,
  });
  if (response.ok) {
    return response;
  }
  // A redirection that isn't followed has no number in a browser.
  if (response.status < 400) {
    await response.body?.cancel();
    throw new ProtocolError(`the server answered with ${response.status}: is that its address?`);
  }
  throw await problemOf(response);
}

function waitAfter(error: unknown, attempts: Attempts, signal: AbortSignal | undefined, known: object): number {
  if (signal?.aborted) {
    throw signal.reason;
  }
  if (error instanceof ProblemError) {
    return attempts.refused(error);
  }
  if (error instanceof PipelineError) {
    throw error;
  }
  // What `fetch` throws for a connection that isn't made or breaks has no type of its own.
  if (error instanceof Gap || error instanceof TypeError || error instanceof Silence || error instanceof DOMException) {
    const cause = error.cause instanceof Error ? error.cause : error;
    return attempts.broken(cause, known);
  }
  throw error;
}

class Silence extends Error {}

/** Ends a request when its caller has enough, or when it is silent for too long. */
class Watch {
  readonly #ending = new AbortController();
  readonly #outer: AbortSignal | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    outer?.throwIfAborted();
    outer?.addEventListener("abort", this.#aborted, { once: true });
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  within(ms: number | undefined): void {
    clearTimeout(this.#timer);
    if (ms !== undefined) {
      this.#timer = setTimeout(() => this.#ending.abort(new Silence(`nothing came for ${ms / 1000} s`)), ms);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#aborted);
    // Closes a connection that isn't read to its end.
    this.#ending.abort();
  }

  readonly #aborted = () => this.#ending.abort(this.#outer?.reason);
}
