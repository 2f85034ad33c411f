// What somebody can do with a run: stop it, set it going again, hand its change over, take its papers along.
import { html, useEffect, useRef, useState } from "./html.js";
import { get, post, runPath } from "./api.js";
import { Trouble, announce, navigate } from "./shell.js";
import { Roles } from "./options.js";
import { EMPTY, PLACES, keep, modelsOf } from "./wish.js";
import { ROLES, modelName } from "./words.js";

export function Actions({ run, view, changed, look, signedOut }) {
  const [busy, setBusy] = useState(null);
  const [problem, setProblem] = useState(null);
  const [asking, setAsking] = useState(null);
  const path = runPath(run.id);
  const stopped = run.status === "running" && !run.working;
  const ended = run.status !== "running";

  const act = async (name, work) => {
    if (busy) return false;
    setBusy(name);
    setProblem(null);
    try {
      await work();
      return true;
    } catch (why) {
      if (why.status === 401) signedOut();
      setProblem(why);
      return false;
    } finally {
      setBusy(null);
    }
  };
  const stop = () =>
    act("stop", async () => {
      const { outcome } = await post(`${path}/cancel`, {});
      announce(outcome === "asked" ? "Stopping. What was done stays." : "Nobody works on it any more.");
      await look();
    });
  const resume = (body = {}) =>
    act("resume", async () => {
      const told = await post(`${path}/resume`, body);
      announce("The run goes on");
      changed({ ...told, working: true, cancel_requested: false });
    });
  const again = () => {
    const { source, title, description } = run.task;
    const [, tracker, name] = /^(github|jira):(.+)$/.exec(source) ?? [];
    const settings = view.settings ?? {};
    keep({
      ...EMPTY,
      tab: tracker ?? "text",
      [tracker ?? "task"]: name ?? `${title}\n\n${description ?? ""}`.trim(),
      repo: settings.repo ?? run.repository,
      base: settings.base ?? "",
      require: settings.require ?? "",
    });
    navigate("/coding");
  };

  return html`<div class="actions" role="group" aria-label="With this run">
      ${run.status === "running" && run.working &&
      html`<button type="button" class="stop" disabled=${busy !== null || run.cancel_requested} onClick=${stop}>${run.cancel_requested || busy === "stop" ? "Stopping …" : "Stop"}</button>`}
      ${stopped && html`<button type="button" class="main" disabled=${busy !== null} onClick=${() => resume()}>${busy === "resume" ? "Resuming …" : "Resume"}</button>`}
      ${stopped && html`<button type="button" onClick=${() => setAsking("models")}>Go on with other models …</button>`}
      ${run.status === "completed" && html`<button type="button" class="main" onClick=${() => setAsking("deliver")}>Deliver …</button>`}
      ${ended && html`<button type="button" onClick=${again}>Again, with other models …</button>`}
      ${ended && html`<a class="button" href="${path}/report" target="_blank" rel="noopener">Report</a>`}
      ${(run.proposed_code || ended) && html`<a class="button" href="${path}/patch" download="${run.id}.patch">Patch</a>`}
      ${ended && html`<a class="button" href="${path}/bundle" download="${run.id}.tar">Bundle</a>`}
    </div>
    ${!asking && html`<${Trouble} problem=${problem} />`}
    ${asking === "models" && html`<${Models} crew=${view.crew} close=${() => setAsking(null)} problem=${problem} busy=${busy} go=${async (body) => (await resume(body)) && setAsking(null)} />`}
    ${asking === "deliver" && html`<${Deliver} run=${run} close=${() => setAsking(null)} path=${path} look=${look} signedOut=${signedOut} />`}`;
}

// A dialog of the browser's own: it keeps the focus, closes with Escape, and gives the focus back.
function Dialog({ title, close, children }) {
  const node = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    const own = node.current;
    own.showModal();
    // While it stands, nothing else can take the focus.
    return () => {
      own.close();
      before?.focus?.();
    };
  }, []);
  const name = `dialog-${title.replaceAll(" ", "-").toLowerCase()}`;
  return html`<dialog ref=${node} aria-labelledby=${name} onClose=${close}><h2 id=${name}>${title}</h2>${children}</dialog>`;
}

// Who works on the run now, by role.
function seatsOf(crew) {
  const coders = crew.filter((it) => it.stage === "drafting" && it.model);
  const found = [coders[0], coders[1], crew.find((it) => it.agent === "test-author"), crew.find((it) => it.stage === "qa" && it.model)];
  return ROLES.map(({ key }, at) => ({ role: key, model: modelName(found[at]?.model) ?? "none", effort: null }));
}

function Models({ crew, close, go, problem, busy }) {
  const seats = seatsOf(crew);
  const [models, setModels] = useState(null);
  const [wish, setWish] = useState(EMPTY);
  const set = (part) => setWish((before) => ({ ...before, ...part }));
  useEffect(() => {
    get("/api/models").then(setModels, () => {});
  }, []);
  const submit = (it) => {
    it.preventDefault();
    const body = modelsOf(wish, seats);
    for (const name of ["budget", "token_budget"]) if (wish[name].trim()) body[name] = wish[name].trim().replace(/^\$/, "");
    if (/^[1-9]\d*$/.test(wish.max_iterations.trim())) body.max_iterations = Number(wish.max_iterations);
    go(body);
  };
  const text = (name, label, placeholder) => html`<div class="field"><label for="again-${name}">${label}</label>
    <input id="again-${name}" value=${wish[name]} placeholder=${placeholder} onInput=${(it) => set({ [name]: it.target.value })} /></div>`;
  return html`<${Dialog} title="Go on with other models" close=${close}>
    <p class="hint">What has come to its end stays, whoever did it. Whoever gets another model begins anew with what it was in the middle of.</p>
    <form onSubmit=${submit} novalidate>
      <${Roles} wish=${wish} set=${set} models=${models} seats=${seats} whose="now" />
      <div class="grid">${text("budget", "Most money, in dollars", "as before")}${text("token_budget", "Most tokens", "as before")}${text("max_iterations", "Most drafts", "as before")}</div>
      <${Trouble} problem=${problem} />
      <div class="go"><button class="main" disabled=${busy !== null}>Go on</button><button type="button" onClick=${close}>Not now</button></div>
    </form>
  <//>`;
}

function Deliver({ run, close, path, look, signedOut }) {
  const [place, setPlace] = useState("commit");
  const [draft, setDraft] = useState(false);
  const [comment, setComment] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const [held, setHeld] = useState(null);
  const tracked = /^(github|jira)/.test(run.task?.source ?? "");

  const submit = async (it) => {
    it.preventDefault();
    setBusy(true);
    setProblem(null);
    setHeld(null);
    try {
      const body = {};
      if (place !== "nothing") body[place] = true;
      if (place === "pr" && draft) body.draft = true;
      if (comment) body.comment = true;
      const told = await post(`${path}/deliver`, body);
      await look();
      if (told.held_back) return setHeld(told.held_back);
      announce("The change is delivered");
      close();
    } catch (why) {
      if (why.status === 401) signedOut();
      setProblem(why);
    } finally {
      setBusy(false);
    }
    return undefined;
  };
  const places = PLACES.filter((it) => it.key !== "nothing" || tracked);
  return html`<${Dialog} title="Deliver the change" close=${close}>
    ${run.tier && run.tier !== "proven" && html`<p class="caution">This change is only ${run.tier}. Read it before you hand it on.</p>`}
    <form onSubmit=${submit}>
      <fieldset><legend class="unseen">Where to</legend><div class="choices">
        ${places.map((it) => html`<label class="choice" key=${it.key}><input type="radio" name="to" value=${it.key} checked=${place === it.key} onChange=${() => setPlace(it.key)} />
          <span><b>${it.key === "nothing" ? "Only the comment" : it.name}</b> <span class="hint">${it.key === "nothing" ? "" : it.words}</span></span></label>`)}
      </div></fieldset>
      ${place === "pr" && html`<label class="tick"><input type="checkbox" checked=${draft} onChange=${(it) => setDraft(it.target.checked)} /><span>As a draft</span></label>`}
      ${tracked && html`<label class="tick"><input type="checkbox" checked=${comment} onChange=${(it) => setComment(it.target.checked)} /><span>Tell the issue how it ended</span></label>`}
      ${held && html`<div class="trouble" role="alert"><p><b>It was held back.</b></p><p>${held}</p></div>`}
      <${Trouble} problem=${problem} />
      <div class="go"><button class="main" disabled=${busy || (place === "nothing" && !comment)}>${busy ? "Delivering …" : "Deliver"}</button><button type="button" onClick=${close}>Not now</button></div>
    </form>
  <//>`;
}
