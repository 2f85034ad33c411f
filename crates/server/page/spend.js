// Money and tokens as they are spent, against the cap.
import { html } from "./html.js";
import { money, modelName, number, tokens } from "./words.js";

export function Meters({ spent, money_max, tokens_max }) {
  return html`<${Meter} name="Money" value=${spent.cost_microusd} max=${money_max} words=${money} />
    <${Meter} name="Tokens" value=${spent.tokens} max=${tokens_max} words=${tokens} />`;
}

function Meter({ name, value, max, words }) {
  const known = value !== null;
  const part = max ? Math.min(1, (value ?? 0) / max) : 0;
  const mark = part > 0.9 ? "bad" : part > 0.7 ? "odd" : "good";
  return html`<div class="fact meter"><span class="hint">${name}</span>
    <b>${known ? words(value) : "unknown price"} <span class="hint">${max ? `of ${words(max)}` : "no cap"}</span></b>
    ${max && known && html`<div class="track" role="meter" aria-label="${name} spent of the cap" aria-valuemin="0" aria-valuemax=${max} aria-valuenow=${Math.min(value, max)} aria-valuetext="${words(value)} of ${words(max)}"><span class=${mark} style=${{ width: `${part * 100}%` }}></span></div>`}
  </div>`;
}

export function Spending({ run, view }) {
  const model = (agent) => modelName(view.crew.find((it) => it.agent === agent)?.model);
  const told = new Map((run?.usage?.agents ?? []).map((it) => [it.agent, it]));
  const agents = [...view.usage].map(([agent, it]) => ({ agent, model: told.get(agent)?.model ?? model(agent), ...it }));
  if (!agents.length) return html`<p class="hint">No model has been asked yet.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Spending by agent"><table class="spending">
    <thead><tr><th scope="col">Agent</th><th scope="col">Model</th><th scope="col" class="figure">Calls</th><th scope="col" class="figure">Tokens</th><th scope="col" class="figure">Money</th></tr></thead>
    <tbody>${agents.map((it) => html`<tr key=${it.agent}><th scope="row">${it.agent}</th><td>${it.model ?? "–"}</td><td class="figure">${number(it.calls)}</td><td class="figure">${number(it.tokens)}</td><td class="figure">${money(it.cost_microusd)}</td></tr>`)}</tbody>
  </table></div>`;
}
