// What the tests need from the registry; `scripts/page` has it installed below `target`, where nothing else looks.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../../target/page_tests/installed.js", import.meta.url));

export const { chromium } = require("playwright-core");
export const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
