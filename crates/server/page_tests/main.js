// Runs the cases one after another against one server and one browser. `scripts/page` says how.
import { parseArgs } from "node:util";
import { Browser } from "./browser.js";
import { started } from "./started.js";
import { cases as form } from "./cases/form.js";
import { cases as shape } from "./cases/shape.js";
import { cases as text } from "./cases/text.js";
import { cases as walk } from "./cases/walk.js";

const { values: asked } = parseArgs({
  options: {
    server: { type: "string" },
    code: { type: "string" },
    program: { type: "string" },
    chromium: { type: "string" },
    pictures: { type: "string" },
    only: { type: "string" },
  },
});

// Runs come first: the list and the shapes need some to show.
const all = Object.entries({ ...walk, ...form, ...text, ...shape }).filter(([name]) => !asked.only || name.includes(asked.only));
if (!all.length) throw new Error(`no case is called like ${asked.only}`);
const server = await started(asked);
let failed = 0;
try {
  const browser = await Browser.open(server, asked.chromium);
  try {
    for (const [name, run] of all) {
      try {
        await run(browser, asked);
        browser.quiet();
        console.log(`ok      ${name}`);
      } catch (error) {
        failed += 1;
        console.log(`FAILED  ${name}\n${String(error.stack).replace(/^/gm, "    ")}`);
        for (const it of browser.troubles) console.log(`    the page said: ${it}`);
        browser.troubles = [];
        browser.foreign = [];
      }
    }
  } finally {
    await browser.close();
  }
} finally {
  await server.stop();
}
console.log(`${all.length - failed} of ${all.length} cases`);
process.exitCode = failed ? 1 : 0;
