// What stands around every page: the way around, words for people who listen, and the state of the session.
import { html, useEffect, useState } from "./html.js";

const listeners = new Set();

export function navigate(to, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  for (const it of listeners) it();
}

export function onNavigation(listener) {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}

// A link within the page. Whoever wants another tab gets one.
export function Link({ to, children, ...rest }) {
  const go = (it) => {
    if (it.metaKey || it.ctrlKey || it.shiftKey || it.altKey || it.button) return;
    it.preventDefault();
    navigate(to);
  };
  return html`<a href=${to} onClick=${go} ...${rest}>${children}</a>`;
}

let speak = () => {};

// Says something to people who don't see it change.
export const announce = (words) => speak(words);

export function Announcer() {
  const [words, setWords] = useState("");
  useEffect(() => {
    // A word that is said twice must change to be heard twice.
    speak = (next) => setWords((before) => (before === next ? `${next} ` : next));
    return () => (speak = () => {});
  }, []);
  return html`<p class="unseen" role="status" aria-live="polite">${words}</p>`;
}

// A page's heading; it takes the focus when somebody gets here, so that reading goes on from it.
export function Heading({ children, title, focus = true }) {
  useEffect(() => {
    document.title = title ? `${title} · pipeline` : "pipeline";
  }, [title]);
  const take = (node) => {
    if (node && focus && !node.dataset.seen) {
      node.dataset.seen = "yes";
      if (Heading.moved) node.focus({ preventScroll: false });
    }
  };
  return html`<h1 tabindex="-1" ref=${take}>${children}</h1>`;
}
// Whether somebody has moved within the page; the first one is left to the browser.
Heading.moved = false;

export function Trouble({ problem, id, children }) {
  if (!problem) return null;
  return html`<div class="trouble" role="alert" id=${id}>
    <p><b>${sentence(problem.title)}</b></p>
    ${problem.detail && html`<pre class="words" tabindex="0">${problem.detail}</pre>`}
    ${problem.advice && html`<p>${problem.advice}</p>`}
    ${children}
  </div>`;
}

export function sentence(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : "";
}

export function Badge({ mark, children }) {
  return html`<span class="badge ${mark}">${children}</span>`;
}

export function useTicking(active, every_ms = 1000) {
  const [, setTick] = useState(0);
  useEffect(() => {
    if (!active) return undefined;
    const timer = setInterval(() => setTick((it) => it + 1), every_ms);
    return () => clearInterval(timer);
  }, [active, every_ms]);
}
