// Text of models and repositories, and a great deal of it.
import assert from "node:assert/strict";
import { numbers } from "../browser.js";
import { DETAIL, END, ID, OPENED, event, sent, stands, stepped } from "../made_up.js";

const EVIL = `<img src=x onerror="window.hurt=1"></script><script>window.hurt=1</script><svg onload=alert(1)>\u202eevil\u200b &amp; \u{e0041}`;
const LONG = `${EVIL} ${"x".repeat(1024 * 1024)}`;

export const cases = {
  async "hostile text makes no element, no dialog, and shows what hides in it"(browser) {
    const { context, page, at } = await browser.window({ width: 380 });
    const report = (agent, stage, verdict) => ({ kind: "reported", stage, iteration: 1, agent, report: { verdict, summary: EVIL, evidence: [
      { kind: "format", tool: EVIL, changed: [EVIL], new_findings: [] },
      { kind: "tests", run: { results: [] }, comparison: [{ id: EVIL, base: "passed", patch: "failed", class: "regressed" }], scope: null },
      { kind: "acceptance_tests", files: [{ path: EVIL, text: LONG, sha256: "" }], on_base: [], red_on_base: [EVIL], note: EVIL },
      { kind: "review", verdict: "fail", summary: EVIL, findings: [] },
    ] }, tree: "", proposed_code: "" });
    const events = [
      event(0, { ...OPENED, task: { ...OPENED.task, title: EVIL } }, EVIL),
      event(1, { kind: "started", stage: "drafting", iteration: 1, agent: "drafter" }, LONG),
      event(2, { kind: "replied", agent: "drafter", iteration: 1, request_sha256: "", reply: { text: LONG, tool_calls: [{ id: EVIL, tool: EVIL, arguments: {} }], stop: "done", usage: {}, cost_microusd: 5 } }, LONG),
      event(3, report("drafter", "drafting", { kind: "rejected", feedback: LONG }), `${EVIL}\n${EVIL}`),
      event(4, { kind: "interrupted", reason: "cancelled", explanation: EVIL }, EVIL),
    ];
    const evilPath = EVIL.replace(/\s/g, "_");
    const detail = {
      ...DETAIL,
      title: EVIL, repository: EVIL, explanation: EVIL, events: events.length, caller: EVIL, reason: "cancelled",
      task: { source: EVIL, title: EVIL, description: LONG },
      repo: { path: EVIL, summary: EVIL },
      proposed_code: `diff --git a/${evilPath} b/${evilPath}\n--- a/${evilPath}\n+++ b/${evilPath}\n@@ -1,1 +1,2 @@ ${EVIL}\n-${EVIL}\n+${LONG}\n+${EVIL}\n`,
      gates: [{ name: "Format", mark: "bad", fact: EVIL }, { name: "Acceptance", mark: "bad", fact: EVIL }, { name: EVIL, mark: EVIL, fact: LONG }],
      tests: { before: { passed: 1, failed: 0, skipped: 0 }, after: { passed: 0, failed: 1, skipped: 0 }, acceptance: [EVIL], failing: [EVIL] },
      findings: [{ severity: "blocking", file: EVIL, line: 1, message: LONG }],
      deliveries: [{ to: EVIL, reference: EVIL }, { to: "page", reference: "javascript:alert(1)" }],
      missing: [{ what: EVIL, why: EVIL }],
    };
    await stands(page, { detail, stream: () => sent(events) + END });
    await page.route("**/api/runs?*", (route) => route.fulfill({ json: { runs: [detail], next: null } }));
    for (const path of [`/coding/runs/${ID}`, "/coding/runs"]) {
      await at(path);
      await page.locator(path === "/coding/runs" ? ".run-row" : "#event-4").waitFor({ state: "attached" });
      await page.$$eval("details", (all) => all.forEach((it) => (it.open = true)));
      for (const line of await page.locator(".event .line").all()) await line.click();
      await page.waitForTimeout(300);
      assert.equal(await page.locator("#page img, #page script, #page svg, #page iframe").count(), 0);
      assert.equal(await page.evaluate(() => window.hurt), undefined);
      assert.deepEqual(await page.$$eval("a", (all) => all.map((it) => it.protocol).filter((it) => !/^https?:$/.test(it))), []);
      const text = await page.evaluate(() => document.body.textContent);
      assert.match(text, /<img src=x onerror="window\.hurt=1">/);
      assert.match(text, /\\u\{202e\}evil\\u\{200b\} &amp; \\u\{e0041\}/);
      assert.doesNotMatch(text, /[\u202e\u200b\u{e0041}]/u);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      const culprits = await page.$$eval("#page *", (all) => all.filter((it) => it.getBoundingClientRect().right > 380 && !it.closest(".scroll, .log, .shown, .within, pre")).map((it) => it.outerHTML.slice(0, 120)));
      assert.ok(wide <= 380, `the page is ${wide} pixels wide: ${culprits.slice(0, 5).join("\n")}`);
      const most = await page.evaluate(() => {
        let most = 0;
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) most = Math.max(most, walker.currentNode.data.length);
        return most;
      });
      assert.ok(most < 200_000, `a text of ${most} characters`);
    }
    await context.close();
  },

  async "5,000 events stay quick, and each has its address"(browser) {
    const { context, page, at } = await browser.window();
    const events = [event(0, OPENED), event(1, { kind: "started", stage: "drafting", iteration: 1, agent: "drafter" }), ...Array.from({ length: 4998 }, (_, it) => stepped(it + 2))];
    await stands(page, { detail: { ...DETAIL, events: events.length }, stream: () => sent(events) + END });
    const began = Date.now();
    await at(`/coding/runs/${ID}#event-4321`);
    await page.locator("#event-4999").waitFor({ state: "attached" });
    const shown_ms = Date.now() - began;
    assert.equal((await numbers(page)).length, 5000);
    await page.waitForFunction(() => {
      const { top, bottom } = document.getElementById("event-4321").getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight && document.activeElement.id === "event-4321";
    });
    // What is out of sight isn't laid out: that is what keeps it quick, however fast the machine is.
    const skipped = await page.$$eval(".log .block", (all) => all.filter((it) => !it.querySelector(".line").checkVisibility({ contentVisibilityAuto: true })).length);
    assert.ok(skipped >= 40, `${skipped} of 50 blocks are skipped`);
    const redrawn_ms = await page.evaluate(async () => {
      const began = performance.now();
      document.querySelector('.log-head button[aria-pressed="false"]').click();
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      return Math.round(performance.now() - began);
    });
    console.log(`    5,000 events: shown after ${shown_ms} ms, filtered in ${redrawn_ms} ms`);
    await context.close();
  },
};
