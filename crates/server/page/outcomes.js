// What tests said before and after, and what the reviewer found.
import { html } from "./html.js";
import { counted, cut, number } from "./words.js";

const ROWS_MAX = 300;
const CLASSES = [
  ["regressed", "Regressed", "green before, not with the change", "bad"],
  ["new_red", "New and red", "new with the change, and failing", "bad"],
  ["fixed", "Fixed", "red before, green with the change", "good"],
  ["flaky", "Flaky", "different outcomes on the same tree", "odd"],
  ["pre_existing", "Failing before and now", "not this change's doing", "odd"],
  ["environment", "Can't run here", "on either side", "odd"],
  ["new", "New", "new with the change, and green", "good"],
  ["kept", "Kept", "green on both sides", "good"],
  ["idle", "Idle", "skipped, or expected to fail, on both sides", ""],
];

export function Tests({ run, view }) {
  const { before, after } = run?.tests ?? {};
  const acceptance = new Set(run?.tests?.acceptance ?? []);
  if (!before && !after) return html`<p class="hint">No tests have run yet.</p>`;
  const most = Math.max(1, ...[before, after].filter(Boolean).map((it) => it.passed + it.failed + (it.skipped ?? 0)));
  return html`<div class="sides">
      <${Side} name="Before" counts=${before} most=${most} /><${Side} name="After" counts=${after} most=${most} />
    </div>
    ${view.evidence.tests ? html`<${Classes} comparison=${view.evidence.tests.comparison} acceptance=${acceptance} />` : html`<${Plain} tests=${run.tests} />`}`;
}

function Side({ name, counts, most }) {
  if (!counts) return html`<div class="side"><h3>${name}</h3><p class="hint">not run yet</p></div>`;
  const parts = [["passed", "good"], ["failed", "bad"], ["skipped", "idle"]].filter(([it]) => counts[it] > 0);
  return html`<div class="side"><h3>${name}</h3>
    <div class="bar" aria-hidden="true">${parts.map(([it, mark]) => html`<span key=${it} class=${mark} style=${{ width: `${(counts[it] / most) * 100}%` }}></span>`)}</div>
    <p>${parts.map(([it, mark], at) => html`<span class=${mark} key=${it}>${at ? ", " : ""}${number(counts[it])} ${it}</span>`)}${!parts.length && "no tests"}</p>
  </div>`;
}

function Classes({ comparison, acceptance }) {
  return CLASSES.map(([key, name, words, mark]) => {
    const rows = comparison.filter((it) => it.class === key);
    if (!rows.length) return null;
    return html`<details class="tests" key=${key} open=${mark !== "" && key !== "kept" && rows.length <= 25}>
      <summary><b class=${mark}>${number(rows.length)} ${name.toLowerCase()}</b> <span class="hint">${words}</span></summary>
      <ul class="ids" tabindex="0">${rows.slice(0, ROWS_MAX).map((it) => html`<li key=${it.id}><code>${cut(it.id, 500)}</code>${acceptance.has(it.id) && html` <span class="badge">blind</span>`}</li>`)}
        ${rows.length > ROWS_MAX && html`<li class="hint">… ${counted(rows.length - ROWS_MAX, "more test")}, in the report</li>`}</ul>
    </details>`;
  });
}

function Plain({ tests }) {
  return html`${tests.failing?.length > 0 && html`<details class="tests" open><summary><b class="bad">Failing</b></summary><ul class="ids" tabindex="0">${tests.failing.slice(0, ROWS_MAX).map((it) => html`<li><code>${cut(it, 500)}</code></li>`)}</ul></details>`}
    ${tests.acceptance?.length > 0 && html`<details class="tests"><summary><b>${number(tests.acceptance.length)} written without sight of the change</b></summary><ul class="ids" tabindex="0">${tests.acceptance.slice(0, ROWS_MAX).map((it) => html`<li><code>${cut(it, 500)}</code></li>`)}</ul></details>`}`;
}

export function Findings({ run, view }) {
  const review = view.evidence.review;
  const found = run?.findings ?? review?.findings ?? [];
  if (!found.length) return html`<p class="hint">${review ? "The reviewer found nothing to say." : "Nobody has reviewed it yet."}</p>`;
  return html`<ul class="findings">${found.slice(0, ROWS_MAX).map(
    (it, at) => html`<li key=${at} class=${it.severity}><span class="badge ${it.severity === "blocking" ? "bad" : ""}">${it.severity}</span>
      <div>${it.file && html`<p><code>${it.file}${it.line ? `:${it.line}` : ""}</code></p>`}<p>${cut(it.message, 4000)}</p></div></li>`,
  )}</ul>`;
}
