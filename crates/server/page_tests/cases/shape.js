// What the page weighs, may do, and looks like to people and programs that read it aloud.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { THEMES, WIDTHS, ended } from "../browser.js";
import { axe } from "../libraries.js";
import { DETAIL, END, ID, OPENED, event, sent, stands } from "../made_up.js";

const PAGE = fileURLToPath(new URL("../../page", import.meta.url));
const GZIP_BYTES_MAX = 60_000;
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// A run that was sent back for good: what a server has only when everything is wrong.
const FAILED = [
  event(0, OPENED),
  event(1, { kind: "set_up", environment: { key: "0", python_version: "3.11.2", sources: [], cached: true, wall_ms: 900 }, confinement: { layers: [], gaps: [] } }),
  event(2, { kind: "started", stage: "drafting", iteration: 1, agent: "drafter" }),
  event(3, { kind: "reported", stage: "drafting", iteration: 1, agent: "drafter", report: { verdict: { kind: "passed" }, summary: "drafted", evidence: [] }, tree: "", proposed_code: "" }),
  event(4, { kind: "started", stage: "testing", iteration: 1, agent: "pytest" }),
  event(5, { kind: "reported", stage: "testing", iteration: 1, agent: "pytest", report: { verdict: { kind: "rejected", feedback: "line after line\n".repeat(80) }, summary: "3 tests: 1 regressed", evidence: [] }, tree: "", proposed_code: "" }),
  event(6, { kind: "finished", status: "failed", reason: "redrafts_exhausted", explanation: "the draft was sent back", tier: null, tree: "", proposed_code: "" }),
];
const GATES = ["good", "bad", "odd", "none"].map((mark, at) => ({ name: ["Patch", "Regression", "Hunks", "Review"][at], mark, fact: `what is ${mark}` }));
const FAILED_DETAIL = { ...DETAIL, status: "failed", stage: "Failed", reason: "redrafts_exhausted", events: FAILED.length, gates: GATES, tests: { before: { passed: 3, failed: 0, skipped: 1 }, after: { passed: 2, failed: 1, skipped: 1 }, acceptance: ["a::b"], failing: ["a::c"] }, missing: [{ what: "independent review", why: "nobody was asked" }], findings: [{ severity: "blocking", file: "a.py", line: 3, message: "wrong" }] };

// A run that stands still, so that it is seen, too.
async function stopped(browser) {
  const { context, page, at } = await browser.window();
  await at("/coding/runs");
  const { id } = await browser.api(page, "/api/runs", { method: "POST", body: JSON.stringify({ demo: true }) });
  await browser.api(page, `/api/runs/${id}/cancel`, { method: "POST", body: "{}" });
  await at(`/coding/runs/${id}`);
  await ended(page, "Stopped");
  await context.close();
}

async function look(browser, page, name, pictures) {
  await page.evaluate(axe);
  const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ["violations"] }), TAGS);
  const told = found.violations
    .filter((it) => it.impact === "serious" || it.impact === "critical")
    .map((it) => `${name}: ${it.id}: ${it.help}: ${it.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join(" | ")}`);
  const lesser = found.violations.filter((it) => it.impact !== "serious" && it.impact !== "critical").map((it) => `${it.id} ×${it.nodes.length}`);
  if (lesser.length) console.log(`    ${name}: lesser findings: ${lesser.join(", ")}`);
  const { scrolls, width } = await page.evaluate(() => ({ scrolls: document.documentElement.scrollWidth, width: innerWidth }));
  if (scrolls > width) told.push(`${name}: ${scrolls} pixels wide`);
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  return told;
}

export const cases = {
  async "everything together is small, comes from this server, and its policy allows nothing else"(browser) {
    const files = readdirSync(PAGE, { recursive: true, withFileTypes: true }).filter((it) => it.isFile() && /\.(html|css|js|svg)$/.test(it.name));
    let bytes = 0;
    for (const it of files) bytes += gzipSync(readFileSync(join(it.parentPath, it.name)), { level: 9 }).length;
    console.log(`    ${files.length} files, ${bytes} bytes with gzip`);
    assert.ok(bytes < GZIP_BYTES_MAX, `${bytes} bytes of ${GZIP_BYTES_MAX}`);
    const { context, page } = await browser.window();
    const answer = await page.goto(`${browser.address}/coding`);
    await page.locator("#cap").waitFor();
    const policy = answer.headers()["content-security-policy"];
    for (const it of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]) assert.ok(policy.includes(it), `${it} in ${policy}`);
    assert.doesNotMatch(policy, /unsafe/);
    const paint = await page.evaluate(() => Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0));
    console.log(`    first paint after ${paint} ms`);
    await context.close();
  },

  async "axe finds nothing serious on any page, in both themes and widths"(browser, { pictures }) {
    if (pictures) mkdirSync(pictures, { recursive: true });
    await stopped(browser);
    const told = [];
    for (const width of WIDTHS) {
      for (const theme of THEMES) {
        const { context, page, at } = await browser.window({ width, theme, expected: [/status of 4\d\d/] });
        const seen = async (name) => told.push(...(await look(browser, page, `${name}-${width}-${theme}`, pictures)));
        await at("/coding");
        await page.locator("#cap").waitFor();
        await seen("form");
        await page.locator(".options > summary").click();
        await page.locator("#field-budget").fill("much");
        await page.getByRole("button", { name: "Start", exact: true }).click();
        await page.locator("#fault-task").waitFor();
        await seen("form-options");
        await at("/coding/runs");
        await page.locator(".run-row").first().waitFor();
        await seen("list");
        for (const status of ["completed", "running"]) {
          const { runs } = await browser.api(page, `/api/runs?limit=5&status=${status}`);
          if (!runs.length) continue;
          await at(`/coding/runs/${runs[0].id}`);
          await page.locator("#event-1").waitFor({ state: "attached" });
          await page.locator(".gate").first().waitFor();
          await page.waitForTimeout(500);
          await page.$$eval("details.gate, details.tests, .back details", (all) => all.forEach((it) => (it.open = true)));
          await seen(`run-${status}`);
          if (status === "completed") {
            await page.getByRole("button", { name: "Deliver …" }).click();
            await page.getByRole("dialog").waitFor();
            await seen("deliver");
          }
        }
        await stands(page, { detail: FAILED_DETAIL, stream: () => sent(FAILED) + END });
        await at(`/coding/runs/${ID}`);
        await page.locator("#event-6").waitFor({ state: "attached" });
        await page.locator(".back details").evaluate((it) => (it.open = true));
        await seen("run-failed");
        await context.close();
      }
      const { context, page, at } = await browser.window({ width, signedIn: false, expected: [/status of 401/] });
      await at("/coding");
      await page.getByLabel("Token").waitFor();
      told.push(...(await look(browser, page, `signin-${width}`, pictures)));
      await context.close();
    }
    assert.deepEqual(told, []);
  },
};
