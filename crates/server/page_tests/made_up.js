// A run that never was, for what no server would do on demand: its answers are put in place of the server's.

export const ID = "261130-made-up";

const at_ms = 1_796_000_000_000;

export const OPENED = {
  kind: "opened",
  task: { title: "Made up", body: "Nothing", labels: [], comments: [], source: { kind: "text" } },
  base: { repository: "/somewhere", commit: "0123456789abcdef", tree: "0123456789abcdef" },
  crew: [
    { stage: "drafting", agent: "drafter", model: { vendor: "scripted", model: "draft" } },
    { stage: "formatting", agent: "ruff", model: null },
    { stage: "testing", agent: "pytest", model: null },
    { stage: "qa", agent: "reviewer", model: { vendor: "scripted", model: "review" } },
  ],
  limits: { iterations_max: 3 },
  settings: { money_microusd_max: 2_000_000, tokens_max: null },
};

export const event = (seq, event, line = `line ${seq}`) => ({ run: ID, seq, at_ms: at_ms + seq * 100, event, line });

export const stepped = (seq, step = `step ${seq}`) => event(seq, { kind: "stepped", agent: "drafter", iteration: 1, step, value: { text: "x" }, tree: null });

export const DETAIL = {
  id: ID,
  title: "Made up",
  repository: "/somewhere",
  created_ms: at_ms,
  updated_ms: at_ms,
  status: "running",
  stage: "Drafting",
  reason: "cancelled",
  tier: null,
  events: 0,
  working: false,
  cancel_requested: false,
  caller: "owner",
  links: {},
  task: { source: "text", title: "Made up", description: "Nothing" },
  repo: { path: "/somewhere", summary: "/somewhere" },
  base: { repository: "/somewhere", commit: "0123456789abcdef", branch: null, tree: "0123456789abcdef", uncommitted: false },
  crew: [],
  iteration: 1,
  iterations_max: 3,
  explanation: "",
  exit_code: null,
  tests_passed: null,
  qa_passed: null,
  feedback: null,
  proposed_code: "",
  gates: [],
  tests: { before: null, after: null, acceptance: [], failing: [] },
  findings: [],
  usage: { calls: 0, tokens: 0, cost_microusd: 0, agents: [] },
  money_microusd_max: 2_000_000,
  tokens_max: null,
  deliveries: [],
  missing: [],
  steps: [],
  next: "",
};

export const sent = (events) => events.map((it) => `id: ${it.seq}\nevent: ${it.event.kind}\ndata: ${JSON.stringify(it)}\n\n`).join("");

export const END = `event: end\ndata: ${JSON.stringify({ run: ID, status: "running", reason: "cancelled", tier: null })}\n\n`;

const STREAM = { "content-type": "text/event-stream", "cache-control": "no-store" };

// `stream` gives the body of each answer from the headers that it was asked with.
export async function stands(page, { detail = DETAIL, stream }) {
  await page.route(`**/api/runs/${ID}`, (route) => route.fulfill({ json: detail }));
  await page.route(`**/api/runs/${ID}/events*`, async (route) => {
    const body = stream(await route.request().allHeaders());
    return body === null ? route.abort() : route.fulfill({ headers: STREAM, body });
  });
}
