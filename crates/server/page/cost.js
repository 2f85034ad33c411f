// What a run will cost, and the cap it can't pass, before it starts.
import { html } from "./html.js";
import { ROLES, counted, money, roughly, tokens } from "./words.js";
import { Trouble } from "./shell.js";

export function Cost({ estimate, wish, set, field, drafts, children }) {
  const told = estimate.told;
  return html`<aside class="card cost" aria-label="Before it starts">
    <h2>Before it starts</h2>
    ${estimate.state === "asking" && html`<p class="hint">Asking for prices …</p>`}
    ${estimate.state === "trouble" && html`<${Trouble} problem=${estimate.problem} />`}
    ${told &&
    html`<dl class="sums">
        <div><dt>A typical task costs</dt><dd>${roughly(told.typical_microusd)}</dd></div>
        <div class=${told.money_microusd_max === null && told.tokens_max === null ? "uncapped" : ""}>
          <dt>It stops before it costs more than</dt><dd id="cap">${cap(told)}</dd>
        </div>
      </dl>
`}
    <div class="field">
      <label for="field-budget">Cap in dollars</label>
      <div class="money"><span aria-hidden="true">$</span><input id="field-budget" type="text" inputmode="decimal" autocomplete="off" placeholder="2.00" value=${wish.budget}
        aria-invalid=${field.wrong("budget")} aria-describedby=${field.describe("budget", true)} onInput=${(it) => set({ budget: it.target.value })} /></div>
      <p class="hint" id="hint-budget">${told && told.money_microusd_max === null ? `Without one, only ${counted(Number(drafts) || 3, "draft")} and the end of the work bound it.` : "No request is made that could pass it."}</p>
      ${field.under("budget")}
    </div>
    ${told &&
    html`<ul class="seats">
        ${told.crew.map((it) => html`<li key=${it.role}>
          <span><b>${ROLES.find((role) => role.key === it.role)?.name ?? it.role}</b> <span class="model">${it.model}</span></span>
          <span class="price">${it.typical_microusd === null ? "price unknown" : roughly(it.typical_microusd)}</span>
        </li>`)}
      </ul>
      ${told.notes.length > 0 && html`<ul class="notes">${told.notes.map((it) => html`<li>${it}</li>`)}</ul>`}
      <p class="hint">Prices of ${told.day}.</p>`}
    <div class="go">${children}</div>
  </aside>`;
}

function cap(told) {
  const parts = [];
  if (told.money_microusd_max !== null) parts.push(money(told.money_microusd_max));
  if (told.tokens_max !== null) parts.push(`${tokens(told.tokens_max)} tokens`);
  return parts.length ? parts.join(", ") : "no cap yet";
}
