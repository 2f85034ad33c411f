// The client.

import type { components } from "./api.js";
import { follow, send, type Call, type Connection } from "./connection.js";
import { codingEvent, json, Place, runEvent, type CodingEvent, type RunDetail, type RunEvent, type StreamEnd } from "./events.js";
import { ProtocolError } from "./errors.js";
import { USUAL_RETRIES, type Retries } from "./retries.js";

type Schemas = components["schemas"];
/** What is sent may leave out whatever has a usual value. */
export type NewRun = Partial<Schemas["NewRun"]>;
export type Changes = Partial<Schemas["Changes"]>;
export type Destinations = Partial<Schemas["Destinations"]>;
export type Run = Schemas["Run"];
export type RunPage = Schemas["RunPage"];
export type Stopped = Schemas["Stopped"];
export type Handed = Schemas["Handed"];
export type Me = Schemas["Me"];

export interface ClientOptions {
  /** Where the server is, as in `http://127.0.0.1:8787`. */
  baseUrl: string;
  /** Who asks; without one, the cookie of the page in which this runs. */
  token?: string;
  retries?: Partial<Retries>;
  /** Another `fetch`, as for a proxy. */
  fetch?: typeof fetch;
}

/** For every call. */
export interface Asking {
  /** Ends the call, and not the run. */
  signal?: AbortSignal;
}

/** For every call that begins a run. */
export interface Beginning extends Asking {
  /** Your own name for this request: sent again with the same task, it is the same run. One is made up where there is none. */
  idempotencyKey?: string;
}

export interface Watching extends Beginning {
  /** The last event that you have of a stream of this `idempotencyKey`. */
  lastEventId?: number;
}

/** Every event, and whoever wants them. */
export interface Heard<E> {
  onEvent: (event: E) => void | Promise<void>;
}

/** A server. */
export class Client {
  readonly runs: Runs;
  readonly #to: Connection;

  constructor(options: ClientOptions) {
    this.#to = {
      baseUrl: address(options.baseUrl),
      headers: options.token === undefined ? { "Pipeline-Request": "page" } : { Authorization: `Bearer ${token(options.token)}` },
      retries: { ...USUAL_RETRIES, ...options.retries },
      fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    };
    this.runs = new Runs(this.#to);
  }

  /**
   * Begins a run and waits for its end. It watches the run's stream, whose heartbeats tell a quiet server from a lost one; a lost
   * connection is made again and the same run waited for.
   */
  codingRun(options: NewRun & Beginning): Promise<RunDetail> {
    return this.codingStream({ ...options, onEvent: () => {} });
  }

  /**
   * Begins a run and watches it: `log` events with a line each, and `done` with the run. With `onEvent` it calls that with each and
   * gives the run; without, it gives them one after the other (the run begins with the first). A connection that breaks is made again
   * from behind the last event. To go on in another process, give the same `idempotencyKey` and task, and the `lastEventId` that you have.
   */
  codingStream(options: NewRun & Watching & Heard<CodingEvent>): Promise<RunDetail>;
  codingStream(options: NewRun & Watching): AsyncGenerator<CodingEvent, void, void>;
  codingStream(options: NewRun & Watching & Partial<Heard<CodingEvent>>): Promise<RunDetail> | AsyncGenerator<CodingEvent, void, void> {
    const { signal, idempotencyKey = newKey(), lastEventId, onEvent, ...task } = options;
    const call = begin("/api/coding/stream", task, idempotencyKey);
    const events = follow(this.#to, call, new Place(codingEvent, "done", { idempotencyKey, lastEventId }), signal);
    return onEvent === undefined ? events : last(events, onEvent, (it) => (it.event === "done" ? it.data : undefined));
  }

  /** Who would work on a run, and what it may cost. Begins nothing. */
  estimate(options: NewRun & Asking): Promise<Record<string, unknown>> {
    const { signal, ...task } = options;
    return answer(this.#to, post("/api/estimate", task, true), signal);
  }

  /** The models with their limits and prices, and the crews. */
  models(options: Asking = {}): Promise<Record<string, unknown>> {
    return answer(this.#to, get("/api/models"), options.signal);
  }

  /** Who you are there, and what the server lets you do. */
  me(options: Asking = {}): Promise<Me> {
    return answer(this.#to, get("/api/me"), options.signal);
  }
}

/** The runs of a server. */
export class Runs {
  readonly #to: Connection;

  constructor(to: Connection) {
    this.#to = to;
  }

  /** A page of the runs that are yours, newest first; `before` is `next` of the page before. */
  list(options: { limit?: number; before?: string; status?: "running" | "completed" | "failed" } & Asking = {}): Promise<RunPage> {
    const query = new URLSearchParams();
    for (const name of ["limit", "before", "status"] as const) {
      if (options[name] !== undefined) {
        query.set(name, String(options[name]));
      }
    }
    return answer(this.#to, get(`/api/runs${query.size === 0 ? "" : `?${query}`}`), options.signal);
  }

  /** A run whole, but for its events. */
  get(run: string, options: Asking = {}): Promise<RunDetail> {
    return answer(this.#to, get(ofRun(run)), options.signal);
  }

  /** Begins a run and doesn't wait for it. */
  start(options: NewRun & Beginning): Promise<Run> {
    const { signal, idempotencyKey = newKey(), ...task } = options;
    return answer(this.#to, begin("/api/runs", task, idempotencyKey), signal);
  }

  /** Asks a run to stop. It can be resumed. */
  cancel(run: string, options: Asking = {}): Promise<Stopped> {
    return answer(this.#to, { method: "POST", path: ofRun(run, "/cancel"), isSafe: true }, options.signal);
  }

  /** Goes on with a run that stopped, as it was or under other terms. Never sent twice: when the answer is lost, look at the run. */
  resume(run: string, options: Changes & Asking = {}): Promise<Run> {
    const { signal, ...changes } = options;
    return answer(this.#to, post(ofRun(run, "/resume"), changes, false), signal);
  }

  /** Delivers the change of a completed run. Never sent twice; asking again changes nothing that is done. */
  deliver(run: string, options: Destinations & Asking): Promise<Handed> {
    const { signal, ...destinations } = options;
    return answer(this.#to, post(ofRun(run, "/deliver"), destinations, false), signal);
  }

  /**
   * What happened in a run and what happens, from behind `lastEventId` on, until nobody works on it any more (`end`). With `onEvent` it
   * calls that with each and gives how it ended; without, it gives them one after the other.
   */
  events(run: string, options: { lastEventId?: number } & Asking & Heard<RunEvent>): Promise<StreamEnd>;
  events(run: string, options?: { lastEventId?: number } & Asking): AsyncGenerator<RunEvent, void, void>;
  events(
    run: string,
    options: { lastEventId?: number } & Asking & Partial<Heard<RunEvent>> = {},
  ): Promise<StreamEnd> | AsyncGenerator<RunEvent, void, void> {
    const { signal, lastEventId, onEvent } = options;
    const events = follow(this.#to, get(ofRun(run, "/events")), new Place(runEvent, "end", { run, lastEventId }), signal);
    return onEvent === undefined ? events : last(events, onEvent, (it) => (it.event === "end" ? it.data : undefined));
  }

  /** The report, a page of HTML. */
  report(run: string, options: Asking = {}): Promise<string> {
    return send(this.#to, get(ofRun(run, "/report")), options.signal, (it) => it.text());
  }

  /** The change as `git apply` takes it: bytes, as a file's text may be of any encoding. */
  patch(run: string, options: Asking = {}): Promise<Uint8Array> {
    return send(this.#to, get(ofRun(run, "/patch")), options.signal, bytes);
  }

  /** The evidence: a tar archive of the folder that `pipeline verify` takes. */
  bundle(run: string, options: Asking = {}): Promise<Uint8Array> {
    return send(this.#to, get(ofRun(run, "/bundle")), options.signal, bytes);
  }
}

async function last<E, L>(events: AsyncIterable<E>, onEvent: (event: E) => void | Promise<void>, ending: (event: E) => L | undefined): Promise<L> {
  for await (const event of events) {
    await onEvent(event);
    const found = ending(event);
    if (found !== undefined) {
      return found;
    }
  }
  throw new ProtocolError("the stream had no end");
}

function answer<T extends object>(to: Connection, call: Call, signal: AbortSignal | undefined): Promise<T> {
  return send(to, call, signal, async (it) => json<T>(await it.text()));
}

async function bytes(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

function get(path: string): Call {
  return { method: "GET", path, isSafe: true };
}

function post(path: string, asked: object, isSafe: boolean): Call {
  return { method: "POST", path, isSafe, body: sorted(asked) };
}

function begin(path: string, task: object, idempotencyKey: string): Call {
  if (!/^[\x21-\x7e]{1,200}$/.test(idempotencyKey)) {
    throw new TypeError("an idempotencyKey has 1 to 200 visible ASCII characters");
  }
  return { ...post(path, task, true), headers: { "Idempotency-Key": idempotencyKey } };
}

/** The same text for the same request, whatever its order: the server knows a request by its bytes. */
function sorted(asked: unknown): string {
  return JSON.stringify(asked, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

function newKey(): string {
  // `randomUUID` is missing in pages that came over plain HTTP.
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (it) => it.toString(16).padStart(2, "0")).join("");
}

function ofRun(run: string, what = ""): string {
  if (run === "" || run === "." || run === "..") {
    throw new TypeError("the run has no name");
  }
  return `/api/runs/${encodeURIComponent(run)}${what}`;
}

function address(baseUrl: string): string {
  if (!/^https?:\/\//.test(baseUrl)) {
    throw new TypeError("baseUrl begins with http:// or https://");
  }
  return baseUrl.replace(/\/+$/, "");
}

function token(said: string): string {
  if (!/^[\x21-\x7e]+$/.test(said.trim())) {
    throw new TypeError("the token is empty, or has characters that no token has");
  }
  return said.trim();
}
