// The first screen: what should change, where, by whom, and what it may cost, before anything starts.
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { get, post, wishKey } from "./api.js";
import { Heading, Trouble, announce, navigate } from "./shell.js";
import { Options } from "./options.js";
import { Cost } from "./cost.js";
import { EMPTY, TABS, faultsOf, fieldOf, keep, kept, requestOf } from "./wish.js";

const ESTIMATE_WAIT_MS = 350;

const HINTS = {
  task: "The first line is the title. Say what is wrong, what should be instead, and give an example if you can.",
  github: "As in owner/repo#12, or the issue's address. Its text and comments are the task.",
  jira: "As in ABC-12, or the ticket's address.",
};
const LABELS = { task: "What should change?", github: "GitHub issue", jira: "Jira ticket" };
const EXAMPLES = {
  task: "The last page is lost\n\npage_count(21, 10) says 2, but it should say 3.",
  github: "owner/repo#12",
  jira: "ABC-12",
};
// In reading order, so that the first fault gets the focus.
const FIELDS = ["task", "github", "jira", "repo", "base", "crew", "budget", "token_budget", "max_iterations", "test_seconds"];
const FOLDED = ["crew", "token_budget", "max_iterations", "test_seconds"];

export function Form({ me, signedOut }) {
  const [wish, setWish] = useState(() => {
    const it = kept();
    return it.repo === null ? { ...it, repo: me.repo ?? "" } : it;
  });
  const [models, setModels] = useState(null);
  const [estimate, setEstimate] = useState({ state: "asking" });
  const [faults, setFaults] = useState({});
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(null);
  const [unfolded, setUnfolded] = useState(false);
  const key = useRef({ of: null, key: null });
  const leave = (why) => (why.status === 401 ? signedOut() : undefined);

  useEffect(() => {
    get("/api/models").then(setModels, leave);
  }, []);

  const set = (part) => {
    // Kept at once: whoever reloads right after a key loses nothing.
    setWish((before) => {
      const next = { ...before, ...part };
      keep(next);
      return next;
    });
    setFaults((before) => {
      const left = { ...before };
      for (const name of Object.keys(part)) delete left[name];
      return left;
    });
  };

  const seats = useMemo(() => {
    const crew = models?.crews?.find((it) => it.name === wish.crew);
    return crew?.crew ?? models?.crew;
  }, [models, wish.crew]);
  const body = useMemo(() => requestOf(wish, seats), [wish, seats]);
  const asked = JSON.stringify(body);

  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      const found = faultsOf(wish);
      for (const it of ["task", "github", "jira"]) delete found[it];
      setFaults((before) => ({ ...before, ...found }));
      // The prices that stand there hold until the fault is gone.
      if (Object.keys(found).length) return;
      try {
        // The words don't change the price, and an estimate needs some.
        const whole = body.task || body.github || body.jira ? body : { ...body, task: "-" };
        setEstimate({ state: "here", told: await post("/api/estimate", whole, { signal: abort.signal }) });
      } catch (why) {
        if (abort.signal.aborted) return;
        leave(why);
        setEstimate({ state: "trouble", problem: why });
      }
    }, ESTIMATE_WAIT_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [asked, wish.max_iterations, wish.test_seconds]);

  const show = (name) => {
    if (FOLDED.includes(name)) setUnfolded(true);
    setTimeout(() => document.getElementById(`field-${name}`)?.focus());
  };

  const begin = async (request, what) => {
    if (busy) return;
    setProblem(null);
    setBusy(what);
    // Sent again after an answer that was lost, the same wish is the same run.
    const text = JSON.stringify(request);
    if (key.current.of !== text) key.current = { of: text, key: wishKey() };
    try {
      announce("Starting");
      const run = await post("/api/runs", request, { headers: { "idempotency-key": key.current.key } });
      key.current = { of: null, key: null };
      // Where and by whom stays for the next one; the words of this one are the run's now.
      if (what === "start") keep({ ...wish, task: "", github: "", jira: "" });
      announce("The run has started");
      navigate(`/coding/runs/${encodeURIComponent(run.id)}`);
    } catch (why) {
      leave(why);
      const field = what === "start" ? fieldOf(why, wish.tab) : null;
      setProblem({ ...why, title: why.title, field });
      // The same key would give the same refusal back.
      if (why.status && why.status < 500) key.current = { of: null, key: null };
      if (field) show(field);
      setBusy(null);
    }
  };

  const start = (it) => {
    it.preventDefault();
    const found = faultsOf(wish);
    setFaults(found);
    const first = FIELDS.find((name) => found[name]);
    if (first) return show(first);
    return begin(body, "start");
  };

  const empty = () => {
    set({ ...EMPTY, repo: me.repo ?? "" });
    setFaults({});
    setProblem(null);
    announce("The form is empty");
  };

  const under = (name) => {
    const words = faults[name];
    if (words) return html`<p class="fault" id="fault-${name}" role="alert">${words}</p>`;
    return problem?.field === name ? html`<${Trouble} problem=${problem} id="fault-${name}" />` : null;
  };
  const wrong = (name) => (faults[name] || problem?.field === name ? "true" : undefined);
  const describe = (name, hint) => [hint && `hint-${name}`, wrong(name) && `fault-${name}`].filter(Boolean).join(" ") || undefined;
  const field = { under, wrong, describe };
  const name = { text: "task", github: "github", jira: "jira" }[wish.tab];
  const typed = { id: `field-${name}`, value: wish[name], onInput: (it) => set({ [name]: it.target.value }) };

  return html`<${Heading} title="New run">Start a run<//>
    <p class="lead">One model drafts, another refines; tests written without sight of the change prove it, a third reads it. You get the change with its evidence.</p>
    <form class="wish" onSubmit=${start} novalidate>
      <div class="wish-body">
        <${Tabs} tab=${wish.tab} choose=${(tab) => set({ tab })} />
        <div class="card" role="tabpanel" id="panel" aria-labelledby="tab-${wish.tab}">
          <div class="field">
            <label for="field-${name}">${LABELS[name]}</label>
            ${name === "task"
              ? html`<textarea ...${typed} rows="7" placeholder=${EXAMPLES.task} aria-invalid=${wrong(name)} aria-describedby=${describe(name, true)}></textarea>`
              : html`<input ...${typed} type="text" spellcheck="false" autocomplete="off" placeholder=${EXAMPLES[name]} aria-invalid=${wrong(name)} aria-describedby=${describe(name, true)} />`}
            <p class="hint" id="hint-${name}">${HINTS[name]}</p>
            ${under(name)}
          </div>
          <div class="row">
            <div class="field grow">
              <label for="field-repo">Repository</label>
              <input id="field-repo" type="text" spellcheck="false" autocomplete="off" list="folders" disabled=${wish.new}
                placeholder=${wish.tab === "github" ? "the issue's own" : "https://… or a folder"} value=${wish.new ? "" : wish.repo}
                aria-invalid=${wrong("repo")} aria-describedby=${describe("repo", true)} onInput=${(it) => set({ repo: it.target.value })} />
              <datalist id="folders">${(me.folders ?? []).map((it) => html`<option value=${it} />`)}</datalist>
              <p class="hint" id="hint-repo">${wish.new ? "It starts from nothing." : where(me)}</p>
              ${under("repo")}
            </div>
            <div class="field">
              <label for="field-base">Start from</label>
              <input id="field-base" type="text" spellcheck="false" autocomplete="off" placeholder="the default branch" disabled=${wish.new}
                value=${wish.new ? "" : wish.base} aria-invalid=${wrong("base")} aria-describedby=${describe("base", true)} onInput=${(it) => set({ base: it.target.value })} />
              <p class="hint" id="hint-base">Branch, tag or commit</p>
              ${under("base")}
            </div>
          </div>
        </div>
        <${Options} wish=${wish} set=${set} models=${models} seats=${seats} field=${field} unfolded=${unfolded} setUnfolded=${setUnfolded} />
      </div>
      <${Cost} estimate=${estimate} wish=${wish} set=${set} field=${field} drafts=${wish.max_iterations || 3}>
        ${problem && !problem.field && html`<${Trouble} problem=${problem} />`}
        <button class="main" disabled=${busy !== null}>${busy === "start" ? "Starting …" : "Start"}</button>
        <button type="button" class="demo" disabled=${busy !== null} onClick=${() => begin({ demo: true }, "demo")}>
          ${busy === "demo" ? "Starting …" : "Try the demonstration"}
        </button>
        <p class="hint">The demonstration needs no key and costs nothing: scripted models, real tests.</p>
        ${changed(wish, me) && html`<button type="button" class="plain" onClick=${empty}>Empty the form</button>`}
      <//>
    </form>`;
}

const where = (me) =>
  me.folders?.length ? `A Git address, or a folder below ${me.folders.slice(0, 3).join(", ")}${me.folders.length > 3 ? " …" : ""}` : "A Git address";

function changed(wish, me) {
  return Object.keys(EMPTY).some((it) => {
    const empty = it === "repo" ? me.repo ?? "" : EMPTY[it];
    return it !== "tab" && JSON.stringify(wish[it]) !== JSON.stringify(empty);
  });
}

function Tabs({ tab, choose }) {
  const move = (it) => {
    const at = TABS.findIndex((one) => one.key === tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[it.key];
    if (to === undefined) return;
    it.preventDefault();
    const next = TABS[(to + TABS.length) % TABS.length].key;
    choose(next);
    document.getElementById(`tab-${next}`).focus();
  };
  return html`<div class="tabs" role="tablist" aria-label="Where the task stands" onKeyDown=${move}>
    ${TABS.map((it) => html`<button type="button" role="tab" id="tab-${it.key}" aria-controls="panel" key=${it.key}
      aria-selected=${it.key === tab ? "true" : "false"} tabindex=${it.key === tab ? 0 : -1} onClick=${() => choose(it.key)}>${it.name}</button>`)}
  </div>`;
}
