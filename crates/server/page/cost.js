// What a run will cost, and the cap it can't pass, before it starts.
import { html } from "./html.js";
import { ROLES, counted, money, roughly, tokens } from "./words.js";
import { Trouble } from "./shell.js";

export function Cost({ estimate, wish, drafts, children }) {
  const told = estimate.told;
  return html`<aside class="card cost" aria-label="Before it starts">
    <h2>Before it starts</h2>
    ${estimate.state === "asking" && html`<p class="hint">Asking for prices …</p>`}
    ${estimate.state === "trouble" && html`<${Trouble} problem=${estimate.problem} />`}
    ${told &&
    html`<dl class="sums">
        <div><dt>A typical task costs</dt><dd>${roughly(told.typical_microusd)}</dd></div>
        <div class=${told.money_microusd_max === null && told.tokens_max === null ? "uncapped" : ""}>
          <dt>It can't cost more than</dt><dd id="cap">${cap(told)}</dd>
        </div>
      </dl>
      ${told.money_microusd_max === null && html`<p class="hint">Without a cap in dollars, only ${counted(Number(drafts), "draft")} and the end of the work bound it. Set one under Options.</p>`}
      <ul class="seats">
        ${told.crew.map((it) => html`<li key=${it.role}>
          <span><b>${ROLES.find((role) => role.key === it.role)?.name ?? it.role}</b> <span class="model">${it.model}</span></span>
          <span class="price">${it.typical_microusd === null ? "price unknown" : roughly(it.typical_microusd)}</span>
        </li>`)}
      </ul>
      ${told.notes.length > 0 && html`<ul class="notes">${told.notes.map((it) => html`<li>${it}</li>`)}</ul>`}
      <p class="hint">Prices of ${told.day}.${wish.place === "nothing" ? " Nothing leaves this server but the questions to the models." : ""}</p>`}
    <div class="go">${children}</div>
  </aside>`;
}

function cap(told) {
  const parts = [];
  if (told.money_microusd_max !== null) parts.push(money(told.money_microusd_max));
  if (told.tokens_max !== null) parts.push(`${tokens(told.tokens_max)} tokens`);
  return parts.length ? parts.join(", ") : "no cap";
}
