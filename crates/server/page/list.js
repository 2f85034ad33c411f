// The runs, newest first, as they stand now.
import { html, useCallback, useEffect, useState } from "./html.js";
import { get, serverNow } from "./api.js";
import { Badge, Heading, Link, Trouble, announce, navigate } from "./shell.js";
import { TIERS, ago, counted, cut, moment, reasonWords, stageName, standing } from "./words.js";

const PAGE = 25;
const LIVE_EVERY_MS = 2500;
const IDLE_EVERY_MS = 15_000;
const FILTERS = [
  { key: "", name: "All" },
  { key: "running", name: "Not at an end" },
  { key: "completed", name: "Completed" },
  { key: "failed", name: "Failed" },
];

export function List({ me, signedOut }) {
  const [status, setStatus] = useState(() => new URLSearchParams(location.search).get("status") ?? "");
  const [runs, setRuns] = useState(null);
  const [next, setNext] = useState(null);
  const [problem, setProblem] = useState(null);
  const path = (before) =>
    `/api/runs?limit=${PAGE}${status ? `&status=${status}` : ""}${before ? `&before=${encodeURIComponent(before)}` : ""}`;

  const look = useCallback(async (signal) => {
    try {
      const told = await get(path(), { signal });
      setProblem(null);
      setRuns((before) => {
        // What was paged to stays; what is on the first page is as it is now.
        const fresh = new Set(told.runs.map((it) => it.id));
        const last = told.runs.at(-1);
        const older = (before ?? []).filter((it) => !fresh.has(it.id) && last && it.created_ms <= last.created_ms);
        if (!older.length) setNext(told.next);
        return [...told.runs, ...older];
      });
    } catch (why) {
      if (signal?.aborted) return;
      if (why.status === 401) signedOut();
      setProblem(why);
    }
  }, [status]);

  useEffect(() => {
    const abort = new AbortController();
    setRuns(null);
    look(abort.signal);
    return () => abort.abort();
  }, [look]);
  const live = runs?.some((it) => it.working);
  useEffect(() => {
    const abort = new AbortController();
    const timer = setInterval(() => document.visibilityState === "visible" && look(abort.signal), live ? LIVE_EVERY_MS : IDLE_EVERY_MS);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [look, live]);

  const choose = (key) => {
    setStatus(key);
    navigate(`/coding/runs${key ? `?status=${key}` : ""}`, { replace: true });
  };
  const more = async () => {
    try {
      const told = await get(path(next));
      setRuns((before) => [...before, ...told.runs.filter((it) => !before.some((one) => one.id === it.id))]);
      setNext(told.next);
      announce(`${counted(told.runs.length, "older run")} below`);
    } catch (why) {
      setProblem(why);
    }
  };

  return html`<div class="headline"><${Heading} title="Runs">Runs<//><${Link} to="/coding" class="button main">New run<//></div>
    <div class="filters" role="group" aria-label="Which runs">
      ${FILTERS.map((it) => html`<button type="button" key=${it.key} aria-pressed=${status === it.key ? "true" : "false"} onClick=${() => choose(it.key)}>${it.name}</button>`)}
    </div>
    <${Trouble} problem=${problem} />
    ${runs === null && !problem && html`<p class="wait">One moment …</p>`}
    ${runs?.length === 0 && html`<${Empty} status=${status} all=${() => choose("")} />`}
    ${runs?.length > 0 && html`<ul class="runs">${runs.map((it) => html`<${Row} run=${it} me=${me} key=${it.id} />`)}</ul>`}
    ${next && html`<p class="more"><button type="button" onClick=${more}>Older runs</button></p>`}`;
}

function Row({ run, me }) {
  const { word, mark } = standing(run);
  const facts = [];
  if (run.status === "running" && run.stage) facts.push(stageName(run.stage));
  if (run.reason) facts.push(reasonWords(run.reason));
  return html`<li class="run-row ${mark}">
    <div class="run-what">
      <${Link} to="/coding/runs/${encodeURIComponent(run.id)}">${cut(run.title || "Without a title", 200)}<//>
      <span class="hint"><code>${run.id}</code> · ${run.repository}${run.caller && run.caller !== me.caller ? ` · ${run.caller}` : ""}</span>
    </div>
    <div class="run-how">
      <span class="badges"><${Badge} mark=${mark}>${word}<//>${run.tier && html`<${Badge} mark=${TIERS[run.tier]?.mark}>${TIERS[run.tier]?.name ?? run.tier}<//>`}</span>
      <span class="hint">${facts.join(" · ")}</span>
    </div>
    <time class="hint" dateTime=${new Date(run.updated_ms).toISOString()} title=${moment(run.updated_ms)}>${ago(run.updated_ms, serverNow())}</time>
  </li>`;
}

function Empty({ status, all }) {
  if (status) return html`<div class="empty"><p>No run is like that.</p><p><button type="button" onClick=${all}>Show all</button></p></div>`;
  return html`<div class="empty">
    <p><b>There are no runs yet.</b></p>
    <p>Runs of the command line show here too. <${Link} to="/coding">Start one<//>: the demonstration needs no key.</p>
  </div>`;
}
