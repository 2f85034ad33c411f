// The gates, each with the figure that says whether it holds, and unfolded with what was shown for it.
import { html } from "./html.js";
import { counted, cut, number } from "./words.js";

const SIGNS = { good: ["✓", "holds"], bad: ["✗", "does not hold"], odd: ["!", "holds, with a reservation"], none: ["–", "not measured"] };
const WHAT = {
  Patch: "The change is a clean patch of a bearable size that touches nothing protected.",
  Format: "It looks like its neighbours.",
  Integrity: "The test runner's own word can be believed.",
  Regression: "Nothing that passed before fails now.",
  Acceptance: "Tests written without sight of the change pass.",
  Hunks: "Each part of the change is noticed by a test when it is taken back.",
  Review: "A model that wrote none of it has read it.",
};
const ROWS_MAX = 200;

export function Gates({ run, view }) {
  const gates = run?.gates ?? Object.keys(WHAT).map((name) => ({ name, mark: "none", fact: "not measured yet" }));
  return html`<ul class="gates">
    ${gates.map(known).map((it) => html`<li key=${it.name}><details class="gate ${it.mark}">
      <summary><span class="gate-name"><span class="sign ${it.mark}" aria-hidden="true">${SIGNS[it.mark]?.[0]}</span> ${it.name}<span class="unseen"> ${SIGNS[it.mark]?.[1]}</span></span>
        <span class="gate-fact">${cut(it.fact, 300)}</span></summary>
      <div class="gate-shown"><p class="hint">${Object.hasOwn(WHAT, it.name) ? WHAT[it.name] : ""}</p>${(Object.hasOwn(EVIDENCE, it.name) && EVIDENCE[it.name](view.evidence)) || html`<p class="hint">Nothing was shown for it yet.</p>`}</div>
    </details></li>`)}
  </ul>`;
}

const known = (it) => ({ ...it, mark: it.mark in SIGNS ? it.mark : "none" });

const lines = (items, words) =>
  items?.length
    ? html`<ul class="shown" tabindex="0">${items.slice(0, ROWS_MAX).map((it) => html`<li>${cut(words(it), 2000)}</li>`)}${items.length > ROWS_MAX && html`<li>… ${items.length - ROWS_MAX} more, in the bundle</li>`}</ul>`
    : null;
const titled = (title, list) => list && html`<p><b>${title}</b></p>${list}`;

const EVIDENCE = {
  Patch: ({ patch }) =>
    patch && html`<p>${counted(patch.files, "file")}, ${number(patch.bytes)} bytes.</p>${titled("Protected paths that the task names", lines(patch.allowed, (it) => `${it.path} (${it.kind}): “${it.quote}”`))}`,
  Format: ({ format }) =>
    format &&
    html`<p>${format.tool}</p>
      ${titled("Formatted", lines(format.changed, (it) => it)) || html`<p>There was nothing to format.</p>`}
      ${titled("New findings", lines(format.new_findings, (it) => `${it.path}:${it.line} ${it.rule} ${it.message}`))}
      ${titled("Left as they are", lines(format.unformatted, (it) => `${it.path}: ${it.why}`))}`,
  Integrity: ({ integrity }) =>
    integrity &&
    html`<p>${canaries(integrity.canaries)}</p><p>${counted(integrity.tests_on_base, "test")} on the base.</p>
      ${titled("Lost with the change", lines(integrity.missing, (it) => it))}
      ${titled("Marked as skipped or expected to fail", lines(integrity.marked, (it) => `${it.id}: ${it.mark}`))}
      ${titled("Tricks", lines(integrity.tricks, trick))}${titled("Signs to look at", lines(integrity.signs, trick))}`,
  Regression: ({ tests }) => {
    if (!tests) return null;
    const of = (classes) => tests.comparison.filter((it) => classes.includes(it.class)).map((it) => it.id);
    return html`<p>${counted(tests.comparison.length, "test")} on both sides.</p>
      ${titled("Regressed", lines(of(["regressed"]), (it) => it))}${titled("New and red", lines(of(["new_red"]), (it) => it))}
      ${titled("Failing before and now", lines(of(["pre_existing"]), (it) => it))}${titled("Flaky", lines(of(["flaky"]), (it) => it))}
      ${tests.scope && titled("Left out of this run", lines(tests.scope.left_out, (it) => it))}`;
  },
  Acceptance: ({ acceptance_tests: tests }) =>
    tests &&
    html`${tests.note && html`<p>${tests.note}</p>`}${titled("Red before the change", lines(tests.red_on_base, (it) => it))}
      ${tests.files.map((it) => html`<details class="code" key=${it.path}><summary><code>${it.path}</code></summary><pre tabindex="0">${cut(it.text, 20_000)}</pre></details>`)}`,
  Hunks: ({ bite }) =>
    bite && html`<ul class="shown" tabindex="0">${bite.hunks.slice(0, ROWS_MAX).map((it) => html`<li><code>${it.path} ${it.header}</code> ${hunk(it.verdict)}</li>`)}</ul>`,
  Review: ({ review, reviewer_figure: figure }) =>
    review &&
    html`<p>${cut(review.summary, 4000)}</p>${review.findings.length > 0 && html`<p class="hint">${counted(review.findings.length, "finding")}, below.</p>`}${figure?.words && html`<p class="hint">${figure.words}</p>`}`,
};

const trick = (it) => `${it.path}:${it.line} ${it.rule}: ${it.words}`;

function canaries(it) {
  const kind = it?.kind ?? "";
  if (kind === "held") return `${counted(it.tests, "canary test")}, whose outcome is known beforehand, came out as they must.`;
  if (kind === "broken") return `Canary tests did not come out as they must: ${(it.found ?? []).join(", ")}`;
  return `Canary tests say nothing here${it?.why ? `: ${it.why}` : "."}`;
}

function hunk(verdict) {
  if (verdict.kind === "exercised") return html`<span class="good">noticed by</span> <code>${verdict.by}</code>`;
  if (verdict.kind === "unexercised") return html`<span class="odd">noticed by no test</span>`;
  return html`<span class="hint">not tried: ${verdict.why ?? ""}</span>`;
}
