// A run as it happens: its events folded as they come, beside what the server says of it as a whole.
import { html, useCallback, useEffect, useReducer, useRef, useState } from "./html.js";
import { get, runPath, serverNow } from "./api.js";
import { follow } from "./stream.js";
import { nothingYet, take, total } from "./fold.js";
import { Badge, Heading, Link, Trouble, announce, sentence, useTicking } from "./shell.js";
import { TIERS, clock, cut, duration, reasonWords, standing, stageName } from "./words.js";
import { Walk } from "./walk.js";
import { Gates } from "./gates.js";
import { Diff } from "./diff.js";
import { Tests, Findings } from "./outcomes.js";
import { Meters, Spending } from "./spend.js";
import { Log } from "./log.js";
import { Actions } from "./actions.js";

const DETAIL_WAIT_MS = 400;
// Somebody else may resume a stopped run, or deliver a finished one.
const IDLE_EVERY_MS = 5000;
const TELLS_OF_MORE = new Set(["prepared", "reported", "finished", "delivered", "interrupted", "reopened"]);

export function Run({ id, signedOut }) {
  const view = useRef(null);
  view.current ??= nothingYet();
  const [, redraw] = useReducer((it) => it + 1, 0);
  const [run, setRun] = useState(null);
  const [line, setLine] = useState({ state: "connecting" });
  const [problem, setProblem] = useState(null);
  const [round, setRound] = useState(0);
  const detail = useRef({ timer: null, frame: null });

  const look = useCallback(async () => {
    try {
      const told = await get(runPath(id));
      setRun(told);
      setProblem(null);
      return told;
    } catch (why) {
      if (why.status === 401) signedOut();
      setProblem(why);
      return null;
    }
  }, [id]);
  const lookSoon = useCallback(() => {
    clearTimeout(detail.current.timer);
    detail.current.timer = setTimeout(look, DETAIL_WAIT_MS);
  }, [look]);

  useEffect(() => {
    look();
    return () => clearTimeout(detail.current.timer);
  }, [look]);

  useEffect(() => {
    const draw = () => {
      detail.current.frame = null;
      redraw();
    };
    const stop = follow(`${runPath(id)}/events`, {
      last: view.current.last,
      onEvents: (batch) => {
        for (const it of batch) take(view.current, it);
        if (batch.some((it) => TELLS_OF_MORE.has(it.event.kind))) lookSoon();
        if (batch.length < 5) tell(batch);
        detail.current.frame ??= setTimeout(draw, 60);
      },
      onEnd: lookSoon,
      onState: (it) => {
        setLine(it);
        if (it.state === "lost") announce("The connection is lost. Trying again.");
        if (it.problem?.status === 401) signedOut();
      },
    });
    return () => {
      stop();
      clearTimeout(detail.current.frame);
      detail.current.frame = null;
    };
  }, [id, round, lookSoon]);

  // The stream is over: somebody may set the run going again, here or on the command line.
  const again = useCallback(() => setRound((it) => it + 1), []);
  useEffect(() => {
    if (line.state !== "ended") return undefined;
    const timer = setInterval(async () => {
      if (document.visibilityState !== "visible") return;
      const told = await look();
      if (told && (told.working || told.events > view.current.last + 1)) again();
    }, IDLE_EVERY_MS);
    return () => clearInterval(timer);
  }, [line.state, look, again]);

  const it = view.current;
  const title = run?.title || it.task?.title || "A run";
  if (problem?.status === 404 || (line.state === "refused" && line.problem.status === 404))
    return html`<${Heading} title="No such run">There is no run ${id}<//>
      <p>It may have been cleaned away, or be somebody else's. <${Link} to="/coding/runs">All runs<//></p>`;

  return html`<${Head} run=${run} view=${it} title=${title} line=${line} />
    <${Trouble} problem=${problem ?? (line.state === "refused" ? line.problem : null)} />
    ${run && html`<${Actions} run=${run} view=${it} changed=${(told) => { if (told) setRun((before) => ({ ...before, ...told })); look(); again(); }} look=${look} signedOut=${signedOut} />`}
    <nav class="within" aria-label="In this run">
      ${SECTIONS.map((one) => html`<a href="#${one.key}" key=${one.key} onClick=${(event) => jump(event, one.key)}>${one.name}</a>`)}
    </nav>
    <${Section} name="walk"><${Walk} view=${it} run=${run} /><//>
    <${Section} name="gates"><${Gates} run=${run} view=${it} /><//>
    <${Section} name="change"><${Diff} text=${run?.proposed_code ?? ""} known=${run !== null} /><//>
    <${Section} name="tests"><${Tests} run=${run} view=${it} /><//>
    <${Section} name="findings"><${Findings} run=${run} view=${it} /><//>
    <${Section} name="spending"><${Spending} run=${run} view=${it} /><//>
    <${Section} name="log"><${Log} view=${it} line=${line} /><//>`;
}

const SECTIONS = [
  { key: "walk", name: "Walk" },
  { key: "gates", name: "Gates" },
  { key: "change", name: "Change" },
  { key: "tests", name: "Tests" },
  { key: "findings", name: "Findings" },
  { key: "spending", name: "Spending" },
  { key: "log", name: "Log" },
];

function Section({ name, children }) {
  const { name: words } = SECTIONS.find((it) => it.key === name);
  return html`<section class="part part-${name}" aria-labelledby=${name}><h2 id=${name} tabindex="-1">${words}</h2>${children}</section>`;
}

function jump(event, name) {
  event.preventDefault();
  history.replaceState(null, "", `#${name}`);
  const node = document.getElementById(name);
  node?.scrollIntoView();
  node?.focus({ preventScroll: true });
}

// What somebody who listens should hear, and no more.
function tell(batch) {
  for (const { event } of batch) {
    if (event.kind === "reported" && event.report.verdict.kind === "rejected") announce(`${stageName(event.stage)}: ${event.agent} sent draft ${event.iteration} back`);
    if (event.kind === "started") announce(`${stageName(event.stage)}: ${event.agent} works on draft ${event.iteration}`);
    if (event.kind === "interrupted") announce("The run has stopped. It can be resumed.");
    if (event.kind === "finished") announce(`The run has ${event.status === "completed" ? "completed" : "failed"}`);
    if (event.kind === "delivered") announce("The change is delivered");
  }
}

function Head({ run, view, title, line }) {
  const working = run ? run.working : !view.end;
  useTicking(working);
  const { word, mark } = standing(run ?? { status: view.end?.status ?? "running", working: true });
  const tier = TIERS[run?.tier ?? view.end?.tier];
  const explanation = run?.explanation || view.end?.explanation || view.interrupted?.explanation;
  const reason = run?.reason ?? view.interrupted?.reason;
  const draft = view.drafts.at(-1)?.number ?? run?.iteration ?? 0;
  const most = run?.iterations_max ?? view.limits.iterations_max;
  const until = working ? serverNow() : view.touched_ms;
  const at = view.drafts.at(-1)?.visits.at(-1)?.stage;
  const stage = working ? (at || run?.stage ? stageName(at ?? run.stage) : null) : null;
  const commit = view.base?.commit.slice(0, 10);
  const about = [
    run?.repository ?? view.base?.repository,
    run?.repo?.summary,
    // The summary names it, once there is one.
    commit && !run?.repo?.summary?.includes(commit) ? `from ${commit}` : null,
    run?.task?.source && run.task.source !== "text" ? run.task.source : null,
    run?.id,
  ].filter(Boolean);

  return html`<div class="run-head ${mark}">
    <p class="badges"><${Badge} mark=${mark}>${working && html`<span class="pulse" aria-hidden="true"></span>`}${word}<//>
      ${tier && html`<${Badge} mark=${tier.mark}>${tier.name}<//>`}
      <${Line} line=${line} /></p>
    <${Heading} title=${title}>${cut(title, 300)}<//>
    <p class="hint about">${about.map((it, at) => html`<span key=${at}>${it}</span>`)}</p>
    ${run?.task?.description && html`<details class="task"><summary>The task in full</summary><pre class="words" tabindex="0">${cut(run.task.description, 50_000)}</pre></details>`}
    ${tier && html`<p class="tier">${tier.words}</p>`}
    ${!working && reason && html`<p class="why"><b>${sentence(reasonWords(reason))}.</b></p>`}
    ${explanation && html`<p class="hint explanation">${explanation}</p>`}
    ${run?.deliveries?.length > 0 && html`<ul class="deliveries" aria-label="Delivered">${run.deliveries.map((it) => html`<li key=${it.reference}><span class="tickmark" aria-hidden="true">✓</span> Delivered to ${it.to}: ${reference(it.reference)}</li>`)}</ul>`}
    ${run?.missing?.length > 0 && html`<ul class="missing">${run.missing.map((it) => html`<li><b>Without ${it.what}</b>: ${it.why}</li>`)}</ul>`}
    <div class="facts">
      <${Fact} name="Draft" value=${draft ? `${draft}${most ? ` of ${most}` : ""}` : "–"} />
      <${Fact} name=${working ? "Now" : run?.status === "running" ? "Stopped" : "Ended"} value=${working ? stage || "getting ready" : view.touched_ms ? clock(view.touched_ms) : "–"} />
      <${Fact} name="Time" value=${view.opened_ms && until ? duration(Math.max(0, until - view.opened_ms - view.idle_ms)) : "–"} />
      <${Meters} spent=${total(view)} money_max=${run?.money_microusd_max ?? view.settings.money_microusd_max ?? null} tokens_max=${run?.tokens_max ?? view.settings.tokens_max ?? null} />
    </div>
  </div>`;
}

export function Fact({ name, value }) {
  return html`<div class="fact"><span class="hint">${name}</span><b>${value}</b></div>`;
}

// Only addresses of pages become links, and only over TLS.
const reference = (text) => (/^https:\/\/[^\s]+$/.test(text) ? html`<a href=${text} rel="noreferrer noopener" target="_blank">${text}</a>` : html`<code>${text}</code>`);

function Line({ line }) {
  useTicking(line.state === "lost");
  if (line.state === "lost") {
    const seconds = Math.max(0, Math.ceil((line.retryAt_ms - Date.now()) / 1000));
    return html`<span class="badge odd line">Connection lost, trying again${seconds > 1 ? ` in ${seconds} s` : " …"}</span>`;
  }
  if (line.state === "connecting") return html`<span class="hint line">connecting …</span>`;
  return null;
}

