// A unified diff with colours, a file at a time. Every line is text.
import { html, useMemo, useState } from "./html.js";
import { counted, cut } from "./words.js";

const LINE_CHARS_MAX = 2000;
const LINES_AT_FIRST = 800;
const FILES_OPEN_MAX = 20;

export function files(text) {
  const found = [];
  let file = null;
  let old = 0;
  let now = 0;
  let oldLeft = 0;
  let nowLeft = 0;
  for (const line of text.split("\n")) {
    if (oldLeft > 0 || nowLeft > 0) {
      const sign = line[0] ?? " ";
      if (sign === "+") {
        file.lines.push({ kind: "add", now: now++, text: line.slice(1) });
        file.added += 1;
        nowLeft -= 1;
      } else if (sign === "-") {
        file.lines.push({ kind: "del", old: old++, text: line.slice(1) });
        file.removed += 1;
        oldLeft -= 1;
      } else if (sign === "\\") file.lines.push({ kind: "note", text: line.slice(2) });
      else {
        file.lines.push({ kind: "same", old: old++, now: now++, text: line.slice(1) });
        oldLeft -= 1;
        nowLeft -= 1;
      }
      continue;
    }
    if (line.startsWith("diff --git ")) {
      file = { path: pathOf(line), from: null, kind: "changed", lines: [], added: 0, removed: 0 };
      found.push(file);
      continue;
    }
    if (!file) continue;
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/.exec(line);
    if (hunk) {
      [old, now] = [Number(hunk[1]), Number(hunk[3])];
      [oldLeft, nowLeft] = [Number(hunk[2] ?? 1), Number(hunk[4] ?? 1)];
      file.lines.push({ kind: "hunk", text: line });
    } else if (line.startsWith("\\ ")) file.lines.push({ kind: "note", text: line.slice(2) });
    else if (line.startsWith("+++ ") && line !== "+++ /dev/null") file.path = plain(line.slice(4));
    else if (line.startsWith("--- ") && line !== "--- /dev/null") file.from = plain(line.slice(4));
    else if (line.startsWith("new file")) file.kind = "new";
    else if (line.startsWith("deleted file")) file.kind = "gone";
    else if (line.startsWith("rename from ")) file.kind = `renamed from ${line.slice(12)}`;
    else if (line.startsWith("Binary files") || line.startsWith("GIT binary")) file.lines.push({ kind: "note", text: "bytes, not text" });
  }
  return found;
}

const pathOf = (line) => /^diff --git "?a\/.*? "?b\/(.*?)"?$/.exec(line)?.[1] ?? line.slice(11);
const plain = (name) => name.replace(/\t.*$/, "").replace(/^"?[ab]\//, "").replace(/"$/, "");

export function Diff({ text, known }) {
  const found = useMemo(() => files(text), [text]);
  if (!found.length) return html`<p class="hint">${known ? "There is no change yet." : "One moment …"}</p>`;
  const sum = (name) => found.reduce((all, it) => all + it[name], 0);
  return html`<p class="hint">${counted(found.length, "file")}, <span class="good">+${sum("added")}</span> <span class="bad">−${sum("removed")}</span></p>
    ${found.map((it, at) => html`<${File} key=${it.path} file=${it} open=${at < FILES_OPEN_MAX} />`)}`;
}

function File({ file, open }) {
  const [isOpen, setOpen] = useState(open);
  const [all, setAll] = useState(false);
  const lines = all ? file.lines : file.lines.slice(0, LINES_AT_FIRST);
  return html`<details class="file" open=${isOpen} onToggle=${(it) => setOpen(it.currentTarget.open)}>
    <summary><code>${file.path}</code> ${file.kind !== "changed" && html`<span class="badge">${file.kind}</span>`} <span class="sums"><span class="good">+${file.added}</span> <span class="bad">−${file.removed}</span></span></summary>
    ${isOpen &&
    html`<div class="scroll" tabindex="0" role="region" aria-label="Change of ${file.path}"><table class="diff">
      <tbody>${lines.map((it, at) => html`<${Row} key=${at} line=${it} />`)}</tbody></table></div>
      ${lines.length < file.lines.length && html`<p class="more"><button type="button" onClick=${() => setAll(true)}>Show ${counted(file.lines.length - lines.length, "more line")}</button></p>`}`}
  </details>`;
}

const SIGNS = { add: "+", del: "−", same: " " };

function Row({ line }) {
  if (line.kind === "hunk" || line.kind === "note") return html`<tr class=${line.kind}><td colspan="4">${cut(line.text, LINE_CHARS_MAX)}</td></tr>`;
  return html`<tr class=${line.kind}><td class="no">${line.old}</td><td class="no">${line.now}</td><td class="mark">${SIGNS[line.kind]}${line.kind !== "same" && html`<span class="unseen">${line.kind === "add" ? "added" : "removed"}</span>`}</td><td class="text">${cut(line.text, LINE_CHARS_MAX)}</td></tr>`;
}
