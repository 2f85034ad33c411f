// What streams tell, and one's place in a stream over several connections: what came is neither lost nor told twice.

import type { components } from "./api.js";
import { ProtocolError, problemTold, type Known } from "./errors.js";
import type { Message } from "./sse.js";

type Schemas = components["schemas"];
export type LogLine = Schemas["LogLine"];
export type RunDetail = Schemas["RunDetail"];
export type StreamEnd = Schemas["StreamEnd"];

/** One event of a run's journal. */
export type Event = Schemas["EventTold"] & {
  /** Its place, counted from 0. */
  seq: number;
  /** When it was written, in milliseconds since 1970-01-01 UTC. */
  at_ms: number;
  /** What happened; `kind` says which of them, as in `pipeline log --json`. */
  event: { kind: string; [field: string]: unknown };
};

/** A line for people, or the run at its end or stopped, which is the last. */
export type CodingEvent = { event: "log"; data: LogLine } | { event: "done"; data: RunDetail };

/** An event of the journal, or `end`, the last: nobody works on the run any more. */
export type RunEvent = { event: "event"; kind: string; data: Event } | { event: "end"; data: StreamEnd };

export function codingEvent(message: Message): CodingEvent {
  if (message.event === "done") {
    return { event: "done", data: json<RunDetail>(message.data) };
  }
  return { event: "log", data: json<LogLine>(message.data) };
}

export function runEvent(message: Message): RunEvent {
  if (message.event === "end") {
    return { event: "end", data: json<StreamEnd>(message.data) };
  }
  return { event: "event", kind: message.event, data: json<Event>(message.data) };
}

/** An object out of text. */
export function json<T extends object>(text: string): T {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError("could not understand what the server says", { cause });
  }
  if (typeof found !== "object" || found === null) {
    throw new ProtocolError("what the server says is no object");
  }
  return found as T;
}

/** An event is missing: what came is no whole stream. */
export class Gap extends Error {}

/** How far a stream was read, over all its connections. */
export class Place<Told extends { data: object }> {
  isOver = false;
  #next: number;
  #run: string | undefined;

  constructor(
    private readonly read: (message: Message) => Told,
    private readonly last: string,
    private readonly from: Known,
  ) {
    this.#next = from.lastEventId === undefined ? 0 : from.lastEventId + 1;
    this.#run = from.run;
  }

  /** What a connection asks for to go on from here. */
  headers(): Record<string, string> {
    const last = this.known().lastEventId;
    return { Accept: "text/event-stream", ...(last === undefined ? {} : { "Last-Event-ID": String(last) }) };
  }

  /** What whoever goes on by hand needs. */
  known(): Known {
    return { idempotencyKey: this.from.idempotencyKey, run: this.#run, lastEventId: 0 < this.#next ? this.#next - 1 : undefined };
  }

  /** What the event tells; nothing when it came before. Throws `Gap` and the problem that the server tells. */
  take(message: Message): Told | undefined {
    if (message.event === "error") {
      let told: unknown;
      try {
        told = JSON.parse(message.data);
      } catch {
        told = undefined;
      }
      throw problemTold(typeof told === "object" && told !== null ? told : { title: message.data }, 500);
    }
    if (message.event === this.last) {
      this.isOver = true;
      return this.read(message);
    }
    if (!/^[0-9]{1,15}$/.test(message.id)) {
      throw new ProtocolError(`an event \`${message.event}\` has no number`);
    }
    const number = Number(message.id);
    if (number < this.#next) {
      return undefined;
    }
    if (this.#next < number) {
      throw new Gap(`event ${this.#next} is missing before ${number}`);
    }
    const told = this.read(message);
    this.#next = number + 1;
    if (this.#run === undefined && "run" in told.data && typeof told.data.run === "string") {
      this.#run = told.data.run;
    }
    return told;
  }
}
