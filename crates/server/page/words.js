// Times, tokens, money and states as people write them; and text of strangers with what hides in it shown.

// The same characters as `protocol::visible` escapes: control, zero-width, direction-changing and tag characters.
const HIDES =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;

export function visible(text) {
  return text.replace(HIDES, (it) => `\\u{${it.codePointAt(0).toString(16)}}`);
}

export function cut(text, charsMax) {
  if (text.length <= charsMax) return text;
  return `${text.slice(0, charsMax)} … (${number(text.length - charsMax)} more characters)`;
}

export const number = (count) => Math.round(count).toLocaleString("en-US");

export const counted = (count, thing) => `${number(count)} ${thing}${count === 1 ? "" : "s"}`;

// Millionths of a dollar; rounded up, so that what cost something never looks free.
export function money(microusd) {
  if (microusd === null || microusd === undefined) return "unknown price";
  if (microusd === 0) return "$0";
  const digits = microusd < 1_000_000 ? 4 : 2;
  const step = 10 ** (6 - digits);
  return `$${((Math.ceil(microusd / step) * step) / 1e6).toFixed(digits)}`;
}

// As `money`, in round figures, for estimates.
export function roughly(microusd) {
  if (microusd === null || microusd === undefined) return "unknown";
  if (microusd === 0) return "$0";
  return microusd < 10_000 ? "under $0.01" : `$${(microusd / 1e6).toFixed(2)}`;
}

export function tokens(count) {
  if (count < 10_000) return number(count);
  return count < 1_000_000 ? `${(count / 1000).toFixed(count < 100_000 ? 1 : 0)}k` : `${(count / 1e6).toFixed(2)}M`;
}

export function duration(ms) {
  if (ms < 60_000) return `${(Math.max(ms, 0) / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds / 60) % 60)} min`;
}

export function ago(at_ms, now_ms) {
  const seconds = Math.max(0, Math.round((now_ms - at_ms) / 1000));
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${counted(Math.floor(seconds / 86_400), "day")} ago`;
}

const two = (it) => String(it).padStart(2, "0");

export function clock(at_ms) {
  const at = new Date(at_ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function moment(at_ms) {
  const at = new Date(at_ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(at_ms)}`;
}

export const STAGES = [
  { key: "drafting", name: "Drafting" },
  { key: "formatting", name: "Formatting" },
  { key: "testing", name: "Testing" },
  { key: "qa", name: "QA" },
];

export const ROLES = [
  { key: "draft", name: "Drafts", who: "writes the change" },
  { key: "refine", name: "Refines", who: "goes over the draft" },
  { key: "author", name: "Writes the tests", who: "without seeing the change" },
  { key: "review", name: "Reviews", who: "reads it at the end" },
];

export const stageName = (key) => STAGES.find((it) => it.key === key)?.name ?? key;

const REASONS = {
  no_code: "no coder proposed any change",
  redrafts_exhausted: "every draft was sent back",
  no_progress: "redrafts stopped changing anything",
  budget_exhausted: "the cap on tokens or money was reached",
  blocked_environment: "the repository's tests can't be set up or started here",
  needs_input: "the task is empty or can't be resolved",
  cancelled: "somebody stopped it",
  agent_broke: "an agent itself broke",
  vendor_unavailable: "a model's vendor refuses or can't be reached",
  model_declined: "a model declined the task",
  review_filtered: "the reviewer's answer was stopped by its vendor's filter",
  review_unreadable: "the reviewer gave no verdict that can be read",
};

export const reasonWords = (reason) => REASONS[reason] ?? String(reason).replaceAll("_", " ");

export const TIERS = {
  proven: { name: "Proven", mark: "good", words: "A blind test was red before the change and is green with it." },
  "regression-safe": {
    name: "Regression-safe",
    mark: "odd",
    words: "Nothing that passed before fails now, but no test was red before the change.",
  },
  unverified: { name: "Unverified", mark: "odd", words: "Some gate was left out, so nothing proves this change." },
};

// What a run is, in a word, and how it is coloured.
export function standing(run) {
  if (run.status === "completed") return { word: "Completed", mark: "good" };
  if (run.status === "failed") return { word: "Failed", mark: "bad" };
  if (run.working === false) return { word: "Stopped", mark: "odd" };
  if (run.cancel_requested) return { word: "Stopping", mark: "odd" };
  return { word: "Running", mark: "live" };
}

export function modelName(model) {
  if (!model) return null;
  return typeof model === "string" ? model : `${model.vendor}:${model.model}`;
}
