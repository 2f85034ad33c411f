// The log: every event of the run with an address of its own. Rows come in blocks that don't change any more once they are full.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./html.js";
import { Component } from "./vendor/preact.module.js";
import { clock, counted, cut, number } from "./words.js";

const BLOCK = 100;
const LINE_CHARS_MAX = 600;
const SHOWN = [
  { key: "all", name: "Everything", fits: () => true },
  { key: "verdicts", name: "Verdicts", fits: (it) => !["replied", "stepped", "started"].includes(it.kind) },
  { key: "models", name: "Models", fits: (it) => it.kind === "replied" || it.kind === "unanswered" },
];

export function Log({ view, line }) {
  const [shown, setShown] = useState("all");
  const { fits } = SHOWN.find((it) => it.key === shown);
  const box = useRef(null);
  const tail = useRef(true);
  const blocks = useMemo(() => {
    const rows = shown === "all" ? view.log : view.log.filter(fits);
    const found = [];
    for (let at = 0; at < rows.length; at += BLOCK) found.push(rows.slice(at, at + BLOCK));
    return found;
  }, [view.log.length, shown]);

  useJump(view.last, shown, () => setShown("all"));

  // Whoever is at the end stays there; whoever reads isn't moved.
  useEffect(() => {
    const node = box.current;
    if (node && tail.current && line.state === "open" && !location.hash.startsWith("#event-")) node.scrollTop = node.scrollHeight;
  }, [view.log.length, shown]);
  const moved = ({ currentTarget: it }) => (tail.current = it.scrollHeight - it.scrollTop - it.clientHeight < 40);

  return html`<div class="log-head">
      <div class="filters" role="group" aria-label="Which events">
        ${SHOWN.map((it) => html`<button type="button" key=${it.key} aria-pressed=${it.key === shown ? "true" : "false"} onClick=${() => setShown(it.key)}>${it.name}</button>`)}
      </div>
      <span class="hint">${counted(view.log.length, "event")}</span>
    </div>
    <div class="log" ref=${box} onScroll=${moved} tabindex="0" role="region" aria-label="Events">
      ${blocks.map((it) => html`<${Block} key=${it[0].seq} rows=${it} />`)}
      ${!view.log.length && html`<p class="hint">No event yet.</p>`}
    </div>`;
}

// An event's address: once that event is here, it comes into sight, also when only others were wanted.
function useJump(last, shown, showAll) {
  const gone = useRef(null);
  const look = () => {
    const wanted = /^#event-(\d+)$/.exec(location.hash)?.[1];
    if (wanted === undefined || gone.current === location.hash || last < Number(wanted)) return;
    const node = document.getElementById(`event-${wanted}`);
    if (!node) return showAll();
    gone.current = location.hash;
    node.scrollIntoView({ block: "center" });
    node.focus({ preventScroll: true });
    return undefined;
  };
  useLayoutEffect(() => {
    look();
  }, [last, shown]);
  useEffect(() => {
    const changed = () => {
      gone.current = null;
      look();
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  });
}

class Block extends Component {
  shouldComponentUpdate(next) {
    return next.rows.length !== this.props.rows.length || next.rows[0] !== this.props.rows[0];
  }
  render({ rows }) {
    return html`<ol class="block ${rows.length === BLOCK ? "full" : ""}">${rows.map((it) => html`<${Row} key=${it.seq} it=${it} />`)}</ol>`;
  }
}

class Row extends Component {
  shouldComponentUpdate(_, next) {
    return next.open !== this.state.open;
  }
  render({ it }, { open }) {
    const mark = it.verdict === "rejected" || it.kind === "interrupted" ? "bad" : it.verdict === "passed" ? "good" : "";
    return html`<li id="event-${it.seq}" tabindex="-1" class="event ${it.kind} ${mark}">
      <a class="seq" href="#event-${it.seq}" aria-label="Event ${it.seq}">${number(it.seq)}</a>
      <time>${clock(it.at_ms)}</time>
      <button type="button" class="line" aria-expanded=${open ? "true" : "false"} onClick=${() => this.setState({ open: !open })}>${cut(it.line.trim(), LINE_CHARS_MAX)}</button>
      ${open && html`<pre class="whole" tabindex="0" role="region" aria-label="Event ${it.seq} in full">${JSON.stringify(it.event, null, 2)}</pre>`}
    </li>`;
  }
}
