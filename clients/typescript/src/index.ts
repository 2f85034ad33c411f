// Client of `pipeline serve`: coding tasks in, verified changes out, watched live.

export * from "./client.js";
export * from "./errors.js";
export type { CodingEvent, Event, LogLine, RunDetail, RunEvent, StreamEnd } from "./events.js";
export type { Retries } from "./retries.js";
export { EventParser, type Message } from "./sse.js";
export type { components, operations, paths } from "./api.js";
