// One signed-in browser for all cases: it notes every request to another host, every error of the page and every dialog.
import assert from "node:assert/strict";
import { chromium } from "./libraries.js";

export const WIDTHS = [1280, 380];
export const THEMES = ["light", "dark"];
// Environments are built and tests run; on a busy machine that takes its time.
export const RUN_MS_MAX = 240_000;

export class Browser {
  static async open(server, executablePath) {
    const it = new Browser();
    it.server = server;
    it.address = server.address;
    // Root has no sandbox of Chromium's; the pages are our own and reach nothing.
    it.browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
    it.foreign = [];
    it.troubles = [];
    const first = await it.browser.newContext();
    const page = await first.newPage();
    await page.goto(server.link);
    await page.locator("h1").waitFor();
    it.session = await first.storageState();
    await first.close();
    return it;
  }

  // A window of its own; its page's errors count unless `expected` knows them.
  async window({ width = 1280, theme = "light", signedIn = true, expected = [] } = {}) {
    const context = await this.browser.newContext({
      viewport: { width, height: width < 500 ? 780 : 900 },
      colorScheme: theme,
      reducedMotion: "reduce",
      storageState: signedIn ? this.session : undefined,
    });
    const own = new URL(this.address).host;
    await context.route(
      (url) => url.host !== own && url.protocol !== "data:",
      (route) => {
        this.foreign.push(route.request().url());
        return route.abort();
      },
    );
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => this.troubles.push(`${error.stack}`));
    page.on("console", (line) => {
      const words = line.text();
      if (line.type() === "error" && !expected.some((it) => it.test(words))) this.troubles.push(words);
    });
    page.on("dialog", (dialog) => {
      this.troubles.push(`a dialog: ${dialog.message()}`);
      return dialog.dismiss();
    });
    return { context, page, at: (path) => page.goto(this.address + path) };
  }

  // What the server itself says, over the session of the browser.
  async api(page, path, init = {}) {
    return page.evaluate(
      async ([to, how]) => {
        const headers = { "content-type": "application/json", "pipeline-request": "page" };
        const answer = await fetch(to, { headers, ...how });
        return answer.json();
      },
      [path, init],
    );
  }

  quiet() {
    const { foreign, troubles } = this;
    this.foreign = [];
    this.troubles = [];
    assert.deepEqual(foreign, [], "requests to other hosts");
    assert.deepEqual(troubles, [], "errors of the page");
  }

  close() {
    return this.browser.close();
  }
}

export const runOf = (page) => decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1));

export async function ended(page, word = "Completed") {
  await page.locator(".run-head .badge", { hasText: word }).waitFor({ timeout: RUN_MS_MAX });
}

// The numbers of the events in the log, as they stand there.
export const numbers = (page) => page.$$eval(".log .event", (rows) => rows.map((it) => Number(it.id.slice("event-".length))));

// Every event is there once, in order, and the server has no more.
export async function whole(browser, page) {
  const { events } = await browser.api(page, `/api/runs/${runOf(page)}`);
  await page.waitForFunction((count) => document.querySelectorAll(".log .event").length >= count, events);
  assert.deepEqual(await numbers(page), Array.from({ length: events }, (_, it) => it));
}
