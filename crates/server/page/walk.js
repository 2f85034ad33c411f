// The walk as a graph: drafts are rows, stages are columns, a rejection is the way back, and a lane above shows what prepares beside.
import { html } from "./html.js";
import { serverNow } from "./api.js";
import { useTicking } from "./shell.js";
import { STAGES, counted, cut, duration, modelName, roughly, stageName, tokens } from "./words.js";
import { sentBack } from "./fold.js";

const WORDS_CHARS_MAX = 160;
const FEEDBACK_CHARS_MAX = 20_000;

const STATES = {
  working: { word: "works", sign: "●" },
  passed: { word: "passed", sign: "✓" },
  rejected: { word: "sent it back", sign: "✗" },
  stopped: { word: "was stopped", sign: "■" },
  waiting: { word: "waits", sign: "·" },
};

export function Walk({ view, run }) {
  const working = !view.end && !view.interrupted;
  useTicking(working);
  const seats = (stage) => view.crew.filter((it) => it.stage === stage);
  const model = (agent) => modelName(view.crew.find((it) => it.agent === agent)?.model);
  const drafts = view.drafts.length ? view.drafts : view.opened_ms ? [{ number: 1, visits: [] }] : [];
  const left = (view.limits.iterations_max ?? 0) - drafts.length;
  if (!drafts.length) return html`<p class="hint">Nothing has happened yet.</p>`;

  return html`<div class="walk">
    <${Beside} view=${view} model=${model} />
    <ol class="drafts">
      ${drafts.map((draft, at) => {
        const back = sentBack(draft);
        return html`<li key=${draft.number} class="draft">
          <p class="draft-name">Draft ${draft.number}</p>
          <ol class="stages">
            ${STAGES.map(({ key, name }) => html`<${Cell} key=${key} name=${name} visits=${draft.visits.filter((it) => it.stage === key)} seats=${seats(key)} model=${model}
              passedBy=${back && order(back.stage) < order(key)} />`)}
          </ol>
          ${back && html`<${Back} visit=${back} draft=${draft.number} next=${drafts[at + 1]?.number} />`}
        </li>`;
      })}
    </ol>
    <${End} view=${view} run=${run} left=${left} />
  </div>`;
}

const order = (stage) => STAGES.findIndex((it) => it.key === stage);

function Beside({ view, model }) {
  const environment = view.environment;
  const items = [];
  const waits = (name, words) => items.push({ name, state: view.end || view.interrupted ? "stopped" : "waiting", words });
  if (environment) {
    const words = `Python ${environment.python_version}${environment.cached ? ", from the cache" : ""}`;
    items.push({ name: "Environment", state: "passed", ms: environment.wall_ms, words, seq: environment.seq });
  } else if (view.end || view.interrupted) waits("Environment", "");
  else items.push({ name: "Environment", state: "working", ms: serverNow() - view.opened_ms, words: "being set up" });
  const names = { pytest: "Baseline suite", "test-author": "Acceptance tests" };
  const shown = new Set(view.prepared.keys());
  for (const { agent } of view.crew) if (names[agent]) shown.add(agent);
  for (const agent of [...shown].sort((a, b) => a.localeCompare(b))) {
    const visit = view.prepared.get(agent);
    const name = names[agent] ?? `Prepared by ${agent}`;
    if (!visit) waits(name, view.end || view.interrupted ? "not reached" : environment ? "begins" : "after the environment");
    else items.push({ name, agent: names[agent] ? agent : null, model: model(agent), state: visit.state, ms: spent(visit), words: visit.summary || visit.doing, visit, seq: visit.seq });
  }
  return html`<div class="beside">
    <p class="draft-name" id="beside">Beside the drafts</p>
    <ul aria-labelledby="beside">
      ${items.map((it) => html`<li key=${it.name} class="visit ${it.state}">
        <${Sign} state=${it.state} />
        <div><p class="visit-who">${anchor(it.seq, it.name)} <span class="unseen">${STATES[it.state].word}</span></p>
          ${it.agent && html`<p class="hint">${it.agent}${it.model ? ` · ${it.model}` : ""}</p>`}
          <p class="visit-words">${cut(it.words, WORDS_CHARS_MAX)}</p>
          <p class="hint">${figures(it.ms, it.visit)}</p></div>
      </li>`)}
    </ul>
  </div>`;
}

function Cell({ name, visits, seats, model, passedBy }) {
  // Nobody follows in a stage that has sent the draft back.
  const isBack = visits.some((it) => it.state === "rejected");
  const waiting = isBack ? [] : seats.filter((seat) => !visits.some((it) => it.agent === seat.agent));
  const state = cellState(visits, waiting, passedBy);
  return html`<li class="cell ${state}">
    <p class="cell-name">${name}<span class="unseen">: ${CELLS[state]}</span></p>
    <ul>
      ${visits.map((it) => html`<li class="visit ${it.state}" key=${it.seq}>
        <${Sign} state=${it.state} />
        <div>
          <p class="visit-who">${anchor(it.seq, it.agent)} <span class="unseen">${STATES[it.state].word}</span></p>
          ${model(it.agent) && html`<p class="hint model">${it.standIn ?? model(it.agent)}</p>`}
          <p class="visit-words">${cut(it.state === "working" ? it.doing : firstLine(it.summary), WORDS_CHARS_MAX)}</p>
          <p class="hint">${figures(spent(it), it)}</p>
        </div>
      </li>`)}
      ${!passedBy && waiting.map((it) => html`<li class="visit waiting" key=${it.agent}><${Sign} state="waiting" /><div><p class="visit-who">${it.agent} <span class="unseen">waits</span></p>${it.model && html`<p class="hint model">${modelName(it.model)}</p>`}</div></li>`)}
      ${passedBy && html`<li class="visit waiting"><div><p class="hint">not reached</p></div></li>`}
      ${!visits.length && !waiting.length && !passedBy && html`<li class="visit waiting"><div><p class="hint">nobody</p></div></li>`}
    </ul>
  </li>`;
}

const CELLS = { rejected: "sent back", working: "under way", stopped: "stopped", passed: "passed", waiting: "not yet", off: "not reached" };

function cellState(visits, waiting, passedBy) {
  const has = (state) => visits.some((it) => it.state === state);
  if (has("rejected")) return "rejected";
  if (passedBy) return "off";
  if (has("working")) return "working";
  if (has("stopped")) return "stopped";
  if (!visits.length) return "waiting";
  return waiting.length ? "working" : "passed";
}

function Back({ visit, draft, next }) {
  const at = order(visit.stage) + 1;
  return html`<div class="back from-${at} ${next ? "" : "no-further"}">
    <div class="back-words">
      <p><b>${stageName(visit.stage)} sent draft ${draft} back${next ? ` to Drafting` : ""}.</b> ${cut(firstLine(visit.summary), 300)}</p>
      ${visit.feedback && html`<details><summary>What the coders were told</summary><pre class="words" tabindex="0">${cut(visit.feedback, FEEDBACK_CHARS_MAX)}</pre></details>`}
    </div>
  </div>`;
}

function End({ view, left }) {
  if (view.end?.status === "completed") return html`<p class="walk-end good"><span aria-hidden="true">✓</span> Completed</p>`;
  if (view.end) return html`<p class="walk-end bad"><span aria-hidden="true">✗</span> Failed</p>`;
  if (view.interrupted) return html`<p class="walk-end odd"><span aria-hidden="true">■</span> Stopped; it goes on from here when it is resumed</p>`;
  return left > 0 && html`<p class="hint">If it is sent back: up to ${counted(left, "further draft")}.</p>`;
}

function Sign({ state }) {
  return html`<span class="sign ${state}" aria-hidden="true">${STATES[state].sign}</span>`;
}

const firstLine = (text) => text.split("\n", 1)[0];
const spent = (visit) => (visit.ended_ms ?? serverNow()) - visit.began_ms;
const anchor = (seq, words) => (seq === undefined ? words : html`<a href="#event-${seq}">${words}</a>`);

function figures(ms, visit) {
  const parts = [];
  if (ms !== undefined) parts.push(duration(Math.max(0, ms)));
  if (visit?.tokens) parts.push(`${tokens(visit.tokens)} tokens`);
  else if (visit?.calls) parts.push(counted(visit.calls, "call"));
  if (visit?.cost_microusd) parts.push(roughly(visit.cost_microusd));
  return parts.join(" · ");
}
