// What may differ from the usual: who works, how far it may go, and where the change goes. Folded until somebody wants it.
import { html } from "./html.js";
import { ROLES, roughly } from "./words.js";
import { PLACES } from "./wish.js";

const EFFORTS = ["low", "medium", "high", "xhigh", "max"];
const CREWS = {
  default: "good work at a fair price",
  cheap: "for small, clear tasks",
  best: "the strongest models there are",
};

export function Options({ wish, set, models, seats, field, unfolded, setUnfolded }) {
  const { under, wrong, describe } = field;
  const text = (name, label, hint, rest = {}) => html`<div class="field">
    <label for="field-${name}">${label}</label>
    <input id="field-${name}" type="text" inputmode=${rest.mode ?? "numeric"} autocomplete="off" value=${wish[name]} placeholder=${rest.placeholder}
      aria-invalid=${wrong(name)} aria-describedby=${describe(name, true)} onInput=${(it) => set({ [name]: it.target.value })} />
    <p class="hint" id="hint-${name}">${hint}</p>
    ${under(name)}
  </div>`;
  const tick = (name, label, hint) => html`<label class="tick"><input type="checkbox" checked=${wish[name]} onChange=${(it) => set({ [name]: it.target.checked })} />
    <span>${label} <span class="hint">${hint}</span></span></label>`;

  return html`<details class="card options" open=${unfolded} onToggle=${(it) => setUnfolded(it.currentTarget.open)}>
    <summary><b>Options</b> <span class="hint">${told(wish)}</span></summary>
    <fieldset>
      <legend>Who works on it</legend>
      <div class="choices" id="field-crew" tabindex="-1">
        ${sorted(models?.crews).map(
          (it) => html`<label class="choice" key=${it.name}>
            <input type="radio" name="crew" value=${it.name} checked=${wish.crew === it.name} onChange=${() => set({ crew: it.name, models: {} })} />
            <span><b>${it.name}</b> ${"typical_microusd" in it && html`<span class="price">about ${roughly(it.typical_microusd)}</span>`}
            <span class="hint">${CREWS[it.name] ?? ""}</span></span>
          </label>`,
        )}
      </div>
      ${under("crew")}
      <${Roles} wish=${wish} set=${set} models=${models} seats=${seats} />
      ${tick("flex", "Slower and cheaper service", "where a vendor has one (OpenAI, Gemini)")}
    </fieldset>
    <fieldset>
      <legend>How far it may go</legend>
      <div class="grid">
        ${text("token_budget", "Most tokens", "As in 500k or 2M", { mode: "text", placeholder: "2M" })}
        ${text("max_iterations", "Most drafts", "The first one included", { placeholder: "3" })}
        ${text("test_seconds", "Seconds of one test run", "Longer ones are stopped", { placeholder: "900" })}
      </div>
    </fieldset>
    <fieldset>
      <legend>Where the change goes</legend>
      <div class="choices four">
        ${PLACES.map(
          (it) => html`<label class="choice" key=${it.key}>
            <input type="radio" name="place" value=${it.key} checked=${wish.place === it.key} onChange=${() => set({ place: it.key })} />
            <span><b>${it.name}</b> <span class="hint">${it.words}</span></span>
          </label>`,
        )}
      </div>
      ${wish.place === "pr" && tick("draft", "As a draft", "also when the change is proven")}
      ${wish.tab !== "text" && tick("comment", "Tell the issue how it ended", "in one comment, which later runs rewrite")}
      ${tick("new", "Start from an empty repository", "there is no code yet")}
      <div class="field">
        <label for="field-require">Deliver only what is</label>
        <select id="field-require" value=${wish.require} onChange=${(it) => set({ require: it.target.value })}>
          <option value="">whatever came through every stage</option>
          <option value="regression-safe">regression-safe: nothing that passed before fails now</option>
          <option value="proven">proven: a blind test was red before and is green with it</option>
        </select>
      </div>
    </fieldset>
  </details>`;
}

// The usual one first.
function sorted(crews) {
  const usual = Object.keys(CREWS);
  const rank = ({ name }) => (usual.includes(name) ? usual.indexOf(name) : usual.length);
  return [...(crews ?? usual.map((name) => ({ name })))].sort((a, b) => rank(a) - rank(b));
}

function told(wish) {
  const parts = [`crew ${wish.crew}`];
  const own = Object.values(wish.models).filter(Boolean).length;
  if (own) parts.push(`${own} of your own choice`);
  if (wish.max_iterations.trim()) parts.push(`up to ${wish.max_iterations.trim()} drafts`);
  parts.push(PLACES.find((it) => it.key === wish.place).name.toLowerCase());
  return parts.join(" · ");
}

// One line a role: the model, its price, how hard it thinks.
export function Roles({ wish, set, models, seats, whose = "crew" }) {
  const vendors = [...new Set((models?.models ?? []).map((it) => it.vendor))];
  return html`<div class="roles">
    ${ROLES.map(({ key, name, who }) => {
      const seat = seats?.find((it) => it.role === key);
      const chosen = wish.models[key] ?? "";
      const model = models?.models.find((it) => `${it.vendor}:${it.model}` === (chosen || seat?.model));
      const efforts = model?.efforts?.length ? model.efforts : EFFORTS;
      return html`<div class="role" key=${key}>
        <label for="model-${key}"><b>${name}</b> <span class="hint">${who}</span></label>
        <select id="model-${key}" value=${chosen} onChange=${(it) => set({ models: { ...wish.models, [key]: it.target.value } })}>
          <option value="">${seat ? `${seat.model === "none" ? "nobody" : seat.model} (${whose})` : "as the crew has it"}</option>
          ${key !== "draft" && html`<option value="none">nobody</option>`}
          ${vendors.map((vendor) => html`<optgroup label=${vendor} key=${vendor}>
            ${models.models.filter((it) => it.vendor === vendor).map((it) => html`<option value="${vendor}:${it.model}" key=${it.model}>${it.model}${perMillion(it.price)}</option>`)}
          </optgroup>`)}
        </select>
        <select aria-label="How hard it thinks: ${name}" value=${wish.efforts[key] ?? ""} onChange=${(it) => set({ efforts: { ...wish.efforts, [key]: it.target.value } })}>
          <option value="">${seat?.effort ? `${seat.effort} (${whose})` : whose === "now" ? "effort as now" : "usual effort"}</option>
          ${efforts.map((it) => html`<option value=${it} key=${it}>${it} effort</option>`)}
        </select>
      </div>`;
    })}
  </div>`;
}

function perMillion(price) {
  const rate = price?.standard?.[0];
  if (!rate) return " · price unknown";
  const dollars = (it) => `$${+(it / 1e6).toFixed(2)}`;
  return ` · ${dollars(rate.input_microusd_per_million)} in, ${dollars(rate.output_microusd_per_million)} out per million`;
}
