// A run from its start to its delivery, with whatever happens to it on the way.
import assert from "node:assert/strict";
import { RUN_MS_MAX, ended, numbers, runOf, whole } from "../browser.js";
import { DETAIL, END, ID, OPENED, event, sent, stands, stepped } from "../made_up.js";
import { WORDS } from "../started.js";

const LOST = [/ERR_INTERNET_DISCONNECTED/, /ERR_NETWORK_CHANGED/, /ERR_FAILED/, /ERR_INCOMPLETE/];

async function demonstration(browser, options) {
  const window = await browser.window(options);
  await window.at("/coding");
  await window.page.getByRole("button", { name: "Try the demonstration" }).click();
  await window.page.waitForURL(/\/coding\/runs\/.+/);
  return window;
}

export const cases = {
  async "the demonstration is started from the form and watched to its end"(browser) {
    const { context, page } = await demonstration(browser);
    // The first draft is sent back by the tests, and the way back says why.
    await page.locator(".cell.rejected").waitFor({ timeout: RUN_MS_MAX });
    await ended(page);
    assert.equal(await page.locator(".draft").count(), 2);
    assert.match(await page.locator(".back").innerText(), /Testing sent draft 1 back to Drafting/);
    await page.locator(".run-head .badge", { hasText: "Proven" }).waitFor();
    await page.locator(".gate.good").nth(6).waitFor();
    assert.equal(await page.locator(".gate.good").count(), 7);
    await page.locator(".gate summary", { hasText: "Acceptance" }).click();
    await page.getByText("Red before the change", { exact: true }).waitFor();
    assert.ok((await page.locator(".diff .add").count()) > 0 && (await page.locator(".diff .del").count()) > 0);
    await page.locator(".side", { hasText: "After" }).getByText(/passed/).waitFor();
    await page.locator(".findings li").waitFor();
    await whole(browser, page);
    await context.close();
  },

  async "a reload in the middle goes on with the same run"(browser) {
    const { context, page } = await demonstration(browser);
    await page.locator("#event-1").waitFor({ timeout: RUN_MS_MAX, state: "attached" });
    await page.reload();
    await page.locator("#event-1").waitFor({ state: "attached" });
    await ended(page);
    await whole(browser, page);
    await context.close();
  },

  async "a lost network is said, and nothing is lost or told twice"(browser) {
    const { context, page } = await demonstration(browser, { expected: LOST });
    await page.locator("#event-1").waitFor({ timeout: RUN_MS_MAX, state: "attached" });
    await context.setOffline(true);
    await page.getByText("Connection lost, trying again").waitFor();
    const before = (await numbers(page)).length;
    await page.waitForTimeout(1500);
    assert.equal((await numbers(page)).length, before, "nothing comes without a network");
    await context.setOffline(false);
    await ended(page);
    assert.equal(await page.getByText("Connection lost").count(), 0);
    await whole(browser, page);
    await context.close();
  },

  async "a stream that is cut in the middle of an event goes on after the last whole one"(browser) {
    const { context, page, at } = await browser.window();
    const events = [event(0, OPENED), ...Array.from({ length: 9 }, (_, it) => stepped(it + 1))];
    const asked = [];
    const whole = sent(events) + END;
    await stands(page, {
      detail: { ...DETAIL, events: events.length },
      stream: (headers) => {
        const last = headers["last-event-id"];
        asked.push(last);
        if (last === undefined) return whole.slice(0, whole.indexOf("step 5"));
        // Sent again although it was asked for what follows: must not show twice.
        return sent(events.slice(Number(last) - 1)) + END;
      },
    });
    await at(`/coding/runs/${ID}`);
    await page.locator("#event-9").waitFor({ state: "attached" });
    assert.deepEqual(asked, [undefined, "4"]);
    assert.deepEqual(await numbers(page), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await context.close();
  },

  async "a page that nobody sees gives its connection back, and goes on when it is seen"(browser) {
    const { context, page, at } = await browser.window();
    await page.clock.install();
    const asked = [];
    page.on("request", (it) => it.url().endsWith("/events") && asked.push(it.headers()["last-event-id"]));
    const see = (state) =>
      page.evaluate((it) => {
        Object.defineProperty(document, "visibilityState", { configurable: true, value: it });
        document.dispatchEvent(new Event("visibilitychange"));
      }, state);
    await at("/coding");
    await page.getByRole("button", { name: "Try the demonstration" }).click();
    await page.locator("#event-0").waitFor({ timeout: RUN_MS_MAX, state: "attached" });
    await see("hidden");
    await page.clock.fastForward(21_000);
    await page.waitForTimeout(300);
    const before = (await numbers(page)).length;
    await page.waitForTimeout(1500);
    assert.equal((await numbers(page)).length, before, "nothing comes while nobody looks");
    assert.equal(asked.length, 1);
    await see("visible");
    await ended(page);
    await whole(browser, page);
    assert.equal(asked[1], String(before - 1));
    await context.close();
  },

  async "a hole in the stream is asked for again"(browser) {
    const { context, page, at } = await browser.window();
    const events = [event(0, OPENED), ...Array.from({ length: 9 }, (_, it) => stepped(it + 1))];
    let round = 0;
    await stands(page, {
      detail: { ...DETAIL, events: events.length },
      stream: () => (round++ ? sent(events) + END : sent(events.filter((it) => it.seq !== 6)) + END),
    });
    await at(`/coding/runs/${ID}`);
    await page.locator("#event-9").waitFor({ state: "attached" });
    assert.deepEqual(await numbers(page), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await context.close();
  },

  async "a run is stopped, resumed and comes to its end"(browser) {
    const { context, page } = await demonstration(browser);
    await page.locator("#event-0").waitFor({ timeout: RUN_MS_MAX, state: "attached" });
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await ended(page, "Stopped");
    await page.getByText("Somebody stopped it.").waitFor();
    await page.getByRole("button", { name: "Go on with other models" }).click();
    await page.getByRole("dialog").getByLabel(/^Reviews/).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await ended(page);
    await whole(browser, page);
    await context.close();
  },

  async "a stopped run goes on under other terms, and a refusal is told where they are chosen"(browser) {
    const { context, page } = await demonstration(browser, { expected: [/status of 422/] });
    await page.locator("#event-0").waitFor({ timeout: RUN_MS_MAX, state: "attached" });
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await ended(page, "Stopped");
    await page.getByRole("button", { name: "Go on with other models" }).click();
    await page.getByLabel(/^Reviews/).selectOption("none");
    await page.getByLabel("Most drafts").fill("4");
    const goOn = async () => {
      const asked = page.waitForRequest((it) => it.url().endsWith("/resume"));
      await page.getByRole("button", { name: "Go on", exact: true }).click();
      return (await asked).postDataJSON();
    };
    // Scripts answer for one crew only.
    assert.deepEqual(await goOn(), { reviewer: "none", max_iterations: 4 });
    await page.getByRole("dialog").getByText("Could not give a role another model").waitFor();
    await page.getByLabel(/^Reviews/).selectOption("");
    assert.deepEqual(await goOn(), { max_iterations: 4 });
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await ended(page);
    await whole(browser, page);
    await context.close();
  },

  async "with the keyboard alone: from the form to a run, and its change is delivered"(browser) {
    const { context, page, at } = await browser.window();
    await at("/coding");
    await page.locator("#cap").waitFor();
    const press = (key) => page.keyboard.press(key);
    const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent.trim().slice(0, 60));
    const tabTo = async (wanted) => {
      for (let tries = 0; tries < 60; tries += 1) {
        if ((await focused()) === wanted) return;
        await press("Tab");
      }
      assert.fail(`${wanted} can't be reached with the keyboard`);
    };
    await press("Tab");
    assert.equal(await focused(), "To the content");
    await press("Enter");
    assert.equal(await focused(), "main");
    await tabTo("tab-text");
    await press("ArrowRight");
    assert.equal(await focused(), "tab-github");
    await press("Home");
    await tabTo("field-task");
    await page.keyboard.insertText(WORDS);
    await tabTo("Start");
    const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outline);
    assert.match(ring, /solid [1-9]/, "the focus is seen");
    await press("Enter");
    await page.waitForURL(/\/coding\/runs\/.+/);
    await page.waitForFunction(() => document.activeElement?.tagName === "H1");
    await ended(page);
    await page.locator("h1").focus();
    await tabTo("Deliver …");
    await press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo("Deliver");
    await press("Enter");
    await page.getByText("Delivered to").first().waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await focused(), "Deliver …", "the focus comes back from the dialog");
    const { deliveries } = await browser.api(page, `/api/runs/${runOf(page)}`);
    assert.ok(deliveries.length > 0);
    await context.close();
  },
};
