// The events of a run as they are written, across lost connections: none missing, none twice.
import { Problem, problemOf } from "./api.js";

const WAIT_FIRST_MS = 500;
const WAIT_MAX_MS = 15_000;
// The server says something every 10 seconds; a line that is silent for longer is dead.
const SILENCE_MAX_MS = 25_000;
// A browser opens six connections to a server and no more; a page that nobody sees for so long gives its own back.
const HIDDEN_MS_MAX = 20_000;
// Longest event that is waited for; a longer one is no event of ours.
const EVENT_CHARS_MAX = 64 * 1024 * 1024;

// Cuts a stream of text into server-sent events.
export function reader(take) {
  let rest = "";
  let event = { name: "message", id: null, data: [] };
  return (text) => {
    // Searched from where the rest ended, so that one long line costs its length once.
    let from = Math.max(0, rest.length - 1);
    rest += text;
    if (rest.length > EVENT_CHARS_MAX) throw new Error("the event is too long");
    let begin = 0;
    for (;;) {
      const end = rest.indexOf("\n", from);
      if (end < 0) break;
      const line = rest.slice(begin, rest[end - 1] === "\r" && end > begin ? end - 1 : end);
      begin = from = end + 1;
      if (line === "") {
        if (event.data.length) take({ ...event, data: event.data.join("\n") });
        event = { name: "message", id: null, data: [] };
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") event.name = value;
      if (field === "id") event.id = value;
      if (field === "data") event.data.push(value);
    }
    rest = rest.slice(begin);
  };
}

// Follows `path` from the event after `last` on.
//
// `onEvents` takes the events of one piece of the stream, `onState` takes "connecting", "open", "lost" (with `retryAt_ms`), "ended" and
// "refused" (with `problem`). Gives a function that ends it.
export function follow(path, { last = -1, onEvents, onEnd, onState }) {
  let stopped = false;
  let failures = 0;
  let abort = null;
  let wake = null;
  let parked = false;
  let parking = null;

  async function once() {
    abort = new AbortController();
    const own = abort;
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => own.abort(), SILENCE_MAX_MS);
    };
    try {
      heard();
      const headers = { accept: "text/event-stream" };
      if (last >= 0) headers["last-event-id"] = String(last);
      const answer = await fetch(path, { headers, signal: own.signal, credentials: "same-origin", cache: "no-store" });
      if (!answer.ok) throw await problemOf(answer);
      onState({ state: "open" });
      let batch = [];
      let end = null;
      const feed = reader(({ name, data }) => {
        const told = JSON.parse(data);
        if (name === "error") throw new Problem(typeof told === "string" ? { title: told } : told);
        if (name === "end") {
          end = told;
          return;
        }
        if (typeof told.seq !== "number" || told.seq <= last) return;
        // A hole means that something was lost on the way: ask again from before it.
        if (told.seq !== last + 1) throw new Error("an event is missing");
        last = told.seq;
        batch.push(told);
      });
      const pipe = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await pipe.read();
        if (done) break;
        heard();
        try {
          feed(value);
        } finally {
          // What only opens and closes again is no connection yet.
          if (batch.length) failures = 0;
          if (batch.length && !stopped) onEvents(batch);
          batch = [];
        }
        if (end) break;
      }
      return end;
    } finally {
      clearTimeout(silence);
      own.abort();
    }
  }

  async function go() {
    onState({ state: "connecting" });
    while (!stopped) {
      let wait_ms;
      try {
        const end = await once();
        if (stopped) return;
        if (end) {
          onState({ state: "ended" });
          onEnd(end);
          return;
        }
      } catch (why) {
        if (stopped) return;
        const final = why?.status >= 400 && why.status < 500 && why.status !== 408 && why.status !== 429;
        if (final) {
          onState({ state: "refused", problem: why });
          return;
        }
        wait_ms = why?.retryAfter_ms;
      }
      if (parked) {
        await new Promise((done) => (wake = done));
        failures = 0;
        continue;
      }
      failures += 1;
      const bound = Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** Math.min(failures - 1, 10));
      wait_ms = wait_ms ?? bound * (0.75 + Math.random() / 4);
      onState({ state: "lost", retryAt_ms: Date.now() + wait_ms });
      await new Promise((done) => {
        const timer = setTimeout(done, wait_ms);
        wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  }

  const online = () => wake?.();
  const offline = () => abort?.abort();
  const seen = () => {
    clearTimeout(parking);
    if (document.visibilityState === "hidden") {
      parking = setTimeout(() => {
        parked = true;
        abort?.abort();
      }, HIDDEN_MS_MAX);
    } else if (parked) {
      parked = false;
      wake?.();
    }
  };
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", online);
  addEventListener("offline", offline);
  go();
  return () => {
    stopped = true;
    clearTimeout(parking);
    document.removeEventListener("visibilitychange", seen);
    removeEventListener("online", online);
    removeEventListener("offline", offline);
    abort?.abort();
    wake?.();
  };
}
