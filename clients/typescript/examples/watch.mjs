// Begins a run, prints each line while it works, and how it ended.
//
//     node watch.mjs ADDRESS TOKEN_FILE                       the bundled demonstration: no key, no money
//     node watch.mjs ADDRESS TOKEN_FILE REPOSITORY TASK       a task of yours, for at most two dollars

import { readFile } from "node:fs/promises";
import process from "node:process";
import { Client, PipelineError } from "@pipeline/client";

const [baseUrl, tokenFile, repo, task] = process.argv.slice(2);
if (baseUrl === undefined || tokenFile === undefined || (repo === undefined) !== (task === undefined)) {
  console.error("usage: node watch.mjs ADDRESS TOKEN_FILE [REPOSITORY TASK]");
  process.exit(2);
}
const client = new Client({ baseUrl, token: await readFile(tokenFile, "utf8") });
try {
  const run = await client.codingStream({
    ...(repo === undefined || task === undefined ? { demo: true } : { repo, task, budget: "2.00" }),
    onEvent: (event) => {
      if (event.event === "log") {
        console.log(`${String(event.data.seq).padStart(4)} ${event.data.line}`);
      }
    },
  });
  console.log(`${run.id}: ${run.status}, ${run.tier ?? "nothing proven"}; next: ${run.next}`);
  process.exitCode = run.status === "completed" ? 0 : 1;
} catch (error) {
  if (!(error instanceof PipelineError)) {
    throw error;
  }
  console.error(error.message);
  process.exitCode = 1;
}
