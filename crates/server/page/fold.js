// What the events of a run say, folded one by one: who worked when on which draft, what it cost, what was shown for it.
import { modelName } from "./words.js";

// Of an event in the log, texts and lists are kept this long; whole ones are in the evidence bundle.
const LOG_TEXT_CHARS_MAX = 4000;
const LOG_ITEMS_MAX = 100;

export function nothingYet() {
  return {
    last: -1,
    opened_ms: null,
    touched_ms: null,
    // How long nobody worked on it, as far as its events say.
    idle_ms: 0,
    task: null,
    base: null,
    crew: [],
    limits: {},
    settings: {},
    environment: null,
    // By agent: what it does before, and beside, the first draft.
    prepared: new Map(),
    drafts: [],
    usage: new Map(),
    evidence: {},
    end: null,
    interrupted: null,
    deliveries: [],
    log: [],
  };
}

const tokensOf = (usage) =>
  ["input_tokens", "cached_tokens", "cache_write_tokens", "cache_write_hour_tokens", "output_tokens"].reduce(
    (sum, it) => sum + (usage?.[it] ?? 0),
    0,
  );

function small(value, depth = 0) {
  if (typeof value === "string") return value.length > LOG_TEXT_CHARS_MAX ? `${value.slice(0, LOG_TEXT_CHARS_MAX)} …` : value;
  if (value === null || typeof value !== "object") return value;
  if (depth > 12) return "…";
  if (Array.isArray(value)) {
    const kept = value.slice(0, LOG_ITEMS_MAX).map((it) => small(it, depth + 1));
    return value.length > LOG_ITEMS_MAX ? [...kept, `… ${value.length - LOG_ITEMS_MAX} more`] : kept;
  }
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, small(it, depth + 1)]));
}

function draftOf(view, number) {
  let draft = view.drafts.find((it) => it.number === number);
  if (!draft) {
    draft = { number, visits: [] };
    view.drafts.push(draft);
    view.drafts.sort((a, b) => a.number - b.number);
  }
  return draft;
}

function visitOf(view, agent, iteration) {
  if (iteration === 0) return view.prepared.get(agent);
  const visits = view.drafts.find((it) => it.number === iteration)?.visits ?? [];
  return visits.findLast((it) => it.agent === agent);
}

const newVisit = (agent, stage, entry) => ({
  agent,
  stage,
  seq: entry.seq,
  began_ms: entry.at_ms,
  ended_ms: null,
  state: "working",
  calls: 0,
  tokens: 0,
  cost_microusd: 0,
  doing: "",
  summary: "",
  feedback: "",
});

function preparing(view, agent, entry) {
  let visit = view.prepared.get(agent);
  if (!visit) {
    visit = newVisit(agent, null, entry);
    // Preparation begins together, when the environment stands.
    visit.began_ms = view.environment?.at_ms ?? entry.at_ms;
    view.prepared.set(agent, visit);
  }
  return visit;
}

// A visit that was cut off and that somebody goes on with.
function wake(visit) {
  if (visit?.state === "stopped") Object.assign(visit, { state: "working", ended_ms: null });
  return visit;
}

function spend(view, agent, visit, tokens, cost) {
  const used = view.usage.get(agent) ?? { calls: 0, tokens: 0, cost_microusd: 0 };
  used.calls += 1;
  used.tokens += tokens;
  used.cost_microusd = cost === null || used.cost_microusd === null ? null : used.cost_microusd + cost;
  view.usage.set(agent, used);
  if (!visit) return;
  visit.calls += 1;
  visit.tokens += tokens;
  visit.cost_microusd = cost === null || visit.cost_microusd === null ? null : visit.cost_microusd + cost;
}

function show(view, evidence) {
  for (const it of evidence ?? []) view.evidence[it.kind] = it;
}

function halt(view, entry) {
  const all = [...view.prepared.values(), ...view.drafts.flatMap((it) => it.visits)];
  for (const visit of all.filter((it) => it.state === "working")) {
    visit.state = "stopped";
    visit.ended_ms = entry.at_ms;
  }
}

const TAKE = {
  opened(view, event, entry) {
    Object.assign(view, { opened_ms: entry.at_ms, task: event.task, base: event.base });
    TAKE.terms(view, event);
  },
  reopened(view, event, entry) {
    halt(view, entry);
    TAKE.terms(view, event);
    view.end = null;
  },
  terms(view, event) {
    Object.assign(view, { crew: event.crew ?? [], limits: event.limits ?? {}, settings: event.settings ?? {} });
  },
  set_up(view, event, entry) {
    view.environment = { ...event.environment, at_ms: entry.at_ms, seq: entry.seq, confinement: event.confinement };
  },
  started(view, event, entry) {
    const { visits } = draftOf(view, event.iteration);
    const again = visits.findLast((it) => it.agent === event.agent && it.stage === event.stage && it.state !== "passed");
    // A visit that was cut off begins anew in its old place, and keeps what it has cost.
    if (again && again.state !== "rejected") Object.assign(again, { state: "working", seq: entry.seq, began_ms: entry.at_ms, ended_ms: null });
    else visits.push(newVisit(event.agent, event.stage, entry));
    // What was shown for the draft before says nothing of this one.
    if (visits.length === 1) for (const it of ["patch", "format", "tests", "bite", "review", "integrity"]) delete view.evidence[it];
  },
  replied(view, event, entry) {
    const visit = wake(event.iteration === 0 ? preparing(view, event.agent, entry) : visitOf(view, event.agent, event.iteration));
    spend(view, event.agent, visit, tokensOf(event.reply.usage), event.reply.cost_microusd ?? null);
    const wants = event.reply.tool_calls?.map((it) => it.tool) ?? [];
    if (visit) visit.doing = wants.length ? wants.slice(0, 3).join(", ") : "answered";
    const by = modelName(event.reply.answered_by);
    if (visit && by) visit.standIn = by;
  },
  unanswered(view, event) {
    const visit = visitOf(view, event.agent, event.iteration);
    spend(view, event.agent, visit, tokensOf(event.unanswered.usage), event.unanswered.cost_microusd ?? null);
    if (visit) visit.doing = "no answer";
  },
  stepped(view, event, entry) {
    const visit = wake(event.iteration === 0 ? preparing(view, event.agent, entry) : visitOf(view, event.agent, event.iteration));
    if (visit) visit.doing = event.step;
  },
  prepared(view, event, entry) {
    show(view, event.prepared.evidence);
    // Most agents have nothing to prepare; they would only be noise.
    if (!event.prepared.evidence.length && !view.prepared.has(event.agent)) return;
    const visit = preparing(view, event.agent, entry);
    Object.assign(visit, { state: "passed", ended_ms: entry.at_ms, seq: entry.seq, summary: preparedWords(event.prepared.evidence) });
  },
  reported(view, event, entry) {
    const visit = visitOf(view, event.agent, event.iteration);
    show(view, event.report.evidence);
    if (!visit) return;
    const { verdict, summary } = event.report;
    const state = verdict.kind === "rejected" ? "rejected" : "passed";
    Object.assign(visit, { state, ended_ms: entry.at_ms, seq: entry.seq, summary, feedback: verdict.feedback ?? "" });
  },
  interrupted(view, event, entry) {
    halt(view, entry);
    view.interrupted = { reason: event.reason, explanation: event.explanation };
  },
  finished(view, event, entry) {
    halt(view, entry);
    view.end = { status: event.status, reason: event.reason, explanation: event.explanation, tier: event.tier, at_ms: entry.at_ms };
  },
  delivering() {},
  delivered(view, event) {
    view.deliveries.push({ to: event.to, reference: event.reference });
  },
};

function preparedWords(evidence) {
  for (const it of evidence) {
    if (it.kind === "baseline") {
      const failing = it.results.filter((test) => test.outcome === "failed" || test.outcome === "error").length;
      return `${it.results.length} tests, ${failing} failing`;
    }
    if (it.kind === "acceptance_tests") return `${it.on_base.length} tests, ${it.red_on_base.length} red before the change`;
    if (it.kind === "missing") return `${it.what}: ${it.why}`;
  }
  return "";
}

// Takes one event; one that was taken already changes nothing.
export function take(view, told) {
  const { seq, at_ms, event } = told;
  if (seq <= view.last) return;
  view.last = seq;
  // Whatever follows says that somebody goes on with it.
  if (view.interrupted) view.idle_ms += Math.max(0, at_ms - view.touched_ms);
  view.interrupted = null;
  view.touched_ms = at_ms;
  TAKE[event.kind]?.(view, event, told);
  const verdict = event.kind === "reported" ? event.report.verdict.kind : null;
  view.log.push({
    seq,
    at_ms,
    kind: event.kind,
    agent: event.agent ?? null,
    verdict,
    line: told.line ?? `${event.kind}${event.agent ? `: ${event.agent}` : ""}`,
    event: small(event),
  });
}

export function total(view) {
  let tokens = 0;
  let calls = 0;
  let cost_microusd = 0;
  for (const it of view.usage.values()) {
    tokens += it.tokens;
    calls += it.calls;
    cost_microusd = cost_microusd === null || it.cost_microusd === null ? null : cost_microusd + it.cost_microusd;
  }
  return { tokens, calls, cost_microusd };
}

// Where a draft was sent back: the visit, or nothing.
export const sentBack = (draft) => draft.visits.find((it) => it.state === "rejected");
