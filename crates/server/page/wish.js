// What somebody has typed into the form, kept for the session, and the request it makes.
import { ROLES } from "./words.js";

const KEPT_AS = "pipeline-form";

export const TABS = [
  { key: "text", name: "Text" },
  { key: "github", name: "GitHub" },
  { key: "jira", name: "Jira" },
];

export const PLACES = [
  { key: "nothing", name: "Keep it here", words: "report, patch and bundle, to read first" },
  { key: "commit", name: "New branch", words: "a commit in the local repository, or in the run's clone" },
  { key: "push", name: "Push a branch", words: "to the remote repository" },
  { key: "pr", name: "Pull request", words: "with the evidence in its text" },
];

export const EMPTY = {
  tab: "text",
  task: "",
  github: "",
  jira: "",
  repo: null,
  base: "",
  new: false,
  crew: "default",
  models: {},
  efforts: {},
  flex: false,
  budget: "",
  token_budget: "",
  max_iterations: "",
  test_seconds: "",
  require: "",
  place: "nothing",
  draft: false,
  comment: false,
};

export function kept() {
  try {
    return { ...EMPTY, ...JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "{}") };
  } catch {
    return { ...EMPTY };
  }
}

export function keep(wish) {
  try {
    sessionStorage.setItem(KEPT_AS, JSON.stringify(wish));
  } catch {
    // Without storage, or when it is full, the page forgets on reload; that is all.
  }
}

// The models that differ from the crew's, as the request names them.
export function modelsOf(wish, seats) {
  const asked = {};
  const of = (role) => wish.models[role] || "";
  const seat = (role) => seats?.find((it) => it.role === role)?.model;
  if (of("draft") || of("refine")) {
    // Coders are named all together, so that what wasn't chosen is said as the crew has it.
    asked.coders = ["draft", "refine"].map((it) => of(it) || seat(it)).filter((it) => it && it !== "none");
    if (!asked.coders.length) asked.coders = ["none"];
  }
  if (of("author")) asked.test_author = of("author");
  if (of("review")) asked.reviewer = of("review");
  const efforts = Object.fromEntries(ROLES.map((it) => [it.key, wish.efforts[it.key]]).filter(([, it]) => it));
  if (Object.keys(efforts).length) asked.effort = efforts;
  return asked;
}

export function requestOf(wish, seats) {
  const asked = {};
  const words = { text: ["task", wish.task], github: ["github", wish.github], jira: ["jira", wish.jira] }[wish.tab];
  if (words[1].trim()) asked[words[0]] = wish.tab === "text" ? words[1] : words[1].trim();
  if (wish.new) asked.new = true;
  else if (wish.repo?.trim()) asked.repo = wish.repo.trim();
  if (!wish.new && wish.base.trim()) asked.base = wish.base.trim();
  if (wish.crew !== "default") asked.crew = wish.crew;
  Object.assign(asked, modelsOf(wish, seats));
  if (wish.flex) asked.flex = true;
  for (const name of ["budget", "token_budget", "require"]) if (wish[name].trim()) asked[name] = wish[name].trim().replace(/^\$/, "");
  for (const name of ["max_iterations", "test_seconds"]) if (/^\d+$/.test(wish[name].trim())) asked[name] = Number(wish[name]);
  if (wish.place !== "nothing") asked[wish.place] = true;
  if (wish.place === "pr" && wish.draft) asked.draft = true;
  if (wish.tab !== "text" && wish.comment) asked.comment = true;
  return asked;
}

// What can be told without asking the server: by field.
export function faultsOf(wish) {
  const faults = {};
  const missing = { text: "Say what should change.", github: "Name an issue.", jira: "Name a ticket." };
  const field = { text: "task", github: "github", jira: "jira" }[wish.tab];
  if (!wish[field].trim()) faults[field] = missing[wish.tab];
  for (const [name, label] of [["max_iterations", "Drafts"], ["test_seconds", "Seconds"]]) {
    if (wish[name].trim() && !/^[1-9]\d*$/.test(wish[name].trim())) faults[name] = `${label}: a whole number above 0.`;
  }
  if (wish.budget.trim() && !/^\$?\d+(\.\d+)?$/.test(wish.budget.trim())) faults.budget = "Dollars, as in 2 or 0.50.";
  if (wish.token_budget.trim() && !/^\d+(\.\d+)?\s*[kKmM]?$/.test(wish.token_budget.trim())) faults.token_budget = "Tokens, as in 500k or 2M.";
  return faults;
}

// The field that a problem of the server is about, as far as its words say.
export function fieldOf(problem, tab) {
  const words = `${problem.title}\n${problem.detail}`.toLowerCase();
  if (![400, 403, 404, 409, 422, 424, 502].includes(problem.status)) return null;
  if (/token.budget|token budget/.test(words)) return "token_budget";
  if (/budget|dollar/.test(words)) return "budget";
  if (/max.iterations|iterations/.test(words)) return "max_iterations";
  if (/test.seconds/.test(words)) return "test_seconds";
  if (/model|crew|coder|reviewer|author|effort/.test(words)) return "crew";
  if (/base|branch|commit `|revision/.test(words)) return "base";
  if (/\b(issue|github)\b/.test(words) && tab === "github") return "github";
  if (/\b(ticket|jira)\b/.test(words) && tab === "jira") return "jira";
  if (/repo|folder|clone|git/.test(words)) return "repo";
  return /task/.test(words) ? { text: "task", github: "github", jira: "jira" }[tab] : null;
}
