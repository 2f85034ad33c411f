// The page: which part of it an address shows, and for whom.
import { html, render, useEffect, useState } from "./html.js";
import { get, send } from "./api.js";
import { Announcer, Heading, Link, Trouble, navigate, onNavigation } from "./shell.js";
import { SignIn } from "./signin.js";
import { Form } from "./form.js";
import { List } from "./list.js";
import { Run } from "./run.js";

function place() {
  const path = location.pathname.replace(/\/+$/, "");
  if (path === "/coding") return { name: "form" };
  if (path === "/coding/runs") return { name: "list" };
  const run = /^\/coding\/runs\/([^/]+)$/.exec(path);
  return run ? { name: "run", id: decode(run[1]) } : { name: "nowhere" };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function Top({ me, at, signOut }) {
  const here = (name) => (at.name === name ? "page" : undefined);
  return html`<header class="top">
    <${Link} to="/coding" class="brand" aria-label="pipeline, to the start"><span class="logo" aria-hidden="true"></span>pipeline<//>
    ${me &&
    html`<nav aria-label="Pages">
      <${Link} to="/coding" aria-current=${here("form")}>New run<//>
      <${Link} to="/coding/runs" aria-current=${here("list")}>Runs<//>
      ${me.has_plans && html`<a href="/coding/plans">Plans</a>`} ${me.has_inbox && html`<a href="/coding/inbox">Inbox</a>`}
    </nav>
    <p class="who">
      ${me.scripted && html`<span class="badge odd" title="Scripted models answer instead of vendors">scripted</span>`}
      <span class="caller">${me.caller}</span><button type="button" class="plain" onClick=${signOut}>Sign out</button>
    </p>`}
  </header>`;
}

function App() {
  const [at, setAt] = useState(place);
  const [me, setMe] = useState(null);
  const [state, setState] = useState("asking");
  const [problem, setProblem] = useState(null);

  const ask = async () => {
    try {
      setMe(await get("/api/me"));
      setState("in");
      setProblem(null);
    } catch (why) {
      if (why.status === 401) return setState("out");
      setState("trouble");
      setProblem(why);
    }
    return undefined;
  };
  useEffect(() => {
    ask();
    return onNavigation(() => {
      Heading.moved = true;
      setAt((before) => {
        const next = place();
        if (next.name !== before.name || next.id !== before.id) scrollTo(0, 0);
        return next;
      });
    });
  }, []);
  // A server that isn't there yet, or that starts again.
  useEffect(() => {
    if (state !== "trouble") return undefined;
    const timer = setInterval(ask, 3000);
    return () => clearInterval(timer);
  }, [state]);

  const signOut = async () => {
    await send("DELETE", "/api/session").catch(() => {});
    setMe(null);
    setState("out");
  };
  const signedOut = () => setState("out");
  const skip = (it) => {
    it.preventDefault();
    const main = document.getElementById("main");
    main.focus();
    main.scrollIntoView();
  };

  let body;
  if (state === "asking") body = html`<p class="wait">One moment …</p>`;
  else if (state === "trouble") body = html`<${Heading} title="No answer">No answer<//><${Trouble} problem=${problem} />`;
  else if (state === "out") body = html`<${SignIn} done=${ask} />`;
  else if (at.name === "form") body = html`<${Form} me=${me} signedOut=${signedOut} />`;
  else if (at.name === "list") body = html`<${List} me=${me} signedOut=${signedOut} />`;
  else if (at.name === "run") body = html`<${Run} key=${at.id} id=${at.id} signedOut=${signedOut} />`;
  else
    body = html`<${Heading} title="Nothing here">Nothing here<//>
      <p>There is no page at this address. <${Link} to="/coding/runs">All runs<//> or <${Link} to="/coding">a new one<//>?</p>`;

  return html`<a class="skip" href="#main" onClick=${skip}>To the content</a>
    <${Top} me=${state === "in" ? me : null} at=${at} signOut=${signOut} />
    <main id="main" tabindex="-1" class="at-${at.name}">${body}</main>
    <footer>pipeline${me ? ` ${me.version}` : ""}</footer>
    <${Announcer} />`;
}

// A code that was used leaves the address.
if (new URLSearchParams(location.search).has("code")) navigate(location.pathname + location.hash, { replace: true });
const root = document.getElementById("page");
root.replaceChildren();
render(html`<${App} />`, root);
