// Requests to the server that served this page, and its problems (RFC 9457) as errors.

export class Problem extends Error {
  constructor({ title, detail, advice, status, retryAfter_ms }) {
    super(title);
    Object.assign(this, { title, detail: detail ?? "", advice: advice ?? "", status: status ?? 0, retryAfter_ms });
  }
}

const gone = () =>
  new Problem({ title: "could not reach the server", advice: "Is `pipeline serve` still running? The page tries again by itself." });

// How far this machine's clock is ahead of the server's, as far as headers tell; for running times only.
let ahead_ms = 0;
export const serverNow = () => Date.now() - ahead_ms;

export async function problemOf(answer) {
  let told = {};
  try {
    told = await answer.json();
  } catch {
    // A proxy in front answers in its own words.
  }
  const seconds = Number(answer.headers.get("retry-after"));
  return new Problem({
    title: told.title || `the server answered ${answer.status}`,
    detail: told.detail,
    advice: told.advice,
    status: answer.status,
    retryAfter_ms: seconds > 0 ? seconds * 1000 : undefined,
  });
}

export async function send(method, path, body, { headers = {}, signal } = {}) {
  const init = { method, headers: { accept: "application/json", ...headers }, signal, credentials: "same-origin" };
  if (method !== "GET") init.headers["pipeline-request"] = "page";
  if (body !== undefined) {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, init);
  } catch (why) {
    if (signal?.aborted) throw why;
    throw gone();
  }
  const date = Date.parse(answer.headers.get("date"));
  // Dates of headers are whole seconds; less than two say nothing.
  if (date) ahead_ms = Math.abs(Date.now() - date) < 2000 ? 0 : Date.now() - date;
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 204 ? null : answer.json();
}

export const get = (path, options) => send("GET", path, undefined, options);
export const post = (path, body, options) => send("POST", path, body, options);

export const runPath = (id) => `/api/runs/${encodeURIComponent(id)}`;

// A key for one wish: the same wish sent twice gives one run. `randomUUID` is not there on plain HTTP beyond loopback.
export function wishKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (it) => it.toString(16).padStart(2, "0")).join("");
}
