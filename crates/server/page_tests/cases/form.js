// The form, the list, and who isn't signed in.
import assert from "node:assert/strict";

export const cases = {
  async "what was typed survives a reload, and a fault stands at its field"(browser) {
    const { context, page, at } = await browser.window({ expected: [/status of 4\d\d/] });
    await at("/coding");
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.getByText("Say what should change.").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "field-task");
    await page.locator("#field-task").fill("A title\n\nSome words");
    await page.locator("#field-repo").fill("/nowhere/at/all");
    await page.locator("#field-budget").fill("much");
    await page.reload();
    assert.equal(await page.locator("#field-task").inputValue(), "A title\n\nSome words");
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.locator("#fault-budget").waitFor();
    await page.locator("#field-budget").fill("1.50");
    await page.locator("#cap", { hasText: "$1.50" }).waitFor();
    await page.getByRole("button", { name: "Start", exact: true }).click();
    // The server's words, at the field that they are about.
    await page.locator("#fault-repo").waitFor();
    assert.equal(await page.locator("#field-repo").getAttribute("aria-invalid"), "true");
    assert.equal(await page.locator("#field-task").inputValue(), "A title\n\nSome words");
    await context.close();
  },

  async "the estimate follows the crew, and the request says what was chosen"(browser) {
    const { context, page, at } = await browser.window();
    await at("/coding");
    await page.locator("#cap").waitFor();
    await page.getByRole("tab", { name: "GitHub" }).click();
    await page.locator("#field-github").fill("owner/repo#12");
    await page.locator(".options > summary").click();
    await page.locator('input[name="crew"][value="cheap"]').check();
    await page.getByLabel(/^Reviews/).selectOption("none");
    await page.locator('input[name="place"][value="pr"]').check();
    await page.getByLabel("As a draft").check();
    const asked = page.waitForRequest((it) => it.url().endsWith("/api/estimate") && it.postDataJSON().draft === true);
    await page.locator("#field-max_iterations").fill("2");
    const body = await page.waitForRequest((it) => it.url().endsWith("/api/estimate") && it.postDataJSON().max_iterations === 2);
    await asked;
    const { repo, ...rest } = body.postDataJSON();
    assert.equal(typeof (repo ?? ""), "string");
    assert.deepEqual(rest, { github: "owner/repo#12", crew: "cheap", reviewer: "none", pr: true, draft: true, max_iterations: 2 });
    await context.close();
  },

  async "a start that got no answer is sent again as the same wish"(browser) {
    const { context, page, at } = await browser.window({ expected: [/ERR_FAILED/] });
    await at("/coding");
    await page.locator("#cap").waitFor();
    const keys = [];
    await page.route("**/api/runs", (route) => {
      keys.push(route.request().headers()["idempotency-key"]);
      return route.abort();
    });
    await page.locator("#field-task").fill("Something");
    for (const _ of [1, 2]) {
      await page.getByRole("button", { name: "Start", exact: true }).click();
      await page.getByText("Could not reach the server").waitFor();
    }
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
    assert.match(keys[0], /^[0-9a-f]{32}$/);
    await context.close();
  },

  async "the list shows the runs, pages through them and keeps the filter in its address"(browser) {
    const { context, page, at } = await browser.window();
    await at("/coding/runs");
    await page.locator(".run-row").first().waitFor();
    const run = (number) => ({ id: `run-${number}`, title: `Run ${number}`, repository: "~/a", created_ms: 1e12 - number, updated_ms: 1e12, status: "completed", stage: "Completed", reason: null, tier: "proven", events: 3, working: false, cancel_requested: false, caller: null, links: {} });
    await page.route("**/api/runs?*", (route) => {
      const asked = new URL(route.request().url()).searchParams;
      if (asked.get("status") === "failed") return route.fulfill({ json: { runs: [], next: null } });
      const first = asked.has("before") ? Number(asked.get("before").slice(4)) + 1 : 0;
      return route.fulfill({ json: { runs: [0, 1, 2].map((it) => run(first + it)), next: first < 6 ? `run-${first + 2}` : null } });
    });
    await page.getByRole("button", { name: "Completed" }).click();
    await page.waitForURL(/status=completed/);
    await page.getByText("Run 2", { exact: true }).waitFor();
    for (const count of [6, 9]) {
      await page.getByRole("button", { name: "Older runs" }).click();
      await page.locator(".run-row").nth(count - 1).waitFor();
    }
    assert.equal(await page.locator(".run-row").count(), 9);
    assert.equal(await page.getByRole("button", { name: "Older runs" }).count(), 0);
    await page.getByRole("button", { name: "Failed" }).click();
    await page.getByText("No run is like that.").waitFor();
    await context.close();
  },

  async "who isn't signed in is told how, and a wrong token is refused"(browser) {
    const { context, page, at } = await browser.window({ signedIn: false, expected: [/status of 401/] });
    await at("/coding");
    await page.getByText("Open the link that").waitFor();
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("The token isn't known here").waitFor();
    assert.equal(await page.getByLabel("Token").inputValue(), "wrong");
    await context.close();
  },

  async "plans and inbox have places only when they exist"(browser) {
    const { context, page, at } = await browser.window();
    await at("/coding");
    await page.locator("#cap").waitFor();
    assert.deepEqual(await page.locator(".top nav a").allInnerTexts(), ["New run", "Runs"]);
    await page.route("**/api/me", async (route) => {
      const answer = await route.fetch();
      return route.fulfill({ json: { ...(await answer.json()), has_plans: true, has_inbox: true } });
    });
    await page.reload();
    await page.locator("#cap").waitFor();
    assert.deepEqual(await page.locator(".top nav a").allInnerTexts(), ["New run", "Runs", "Plans", "Inbox"]);
    await context.close();
  },
};
