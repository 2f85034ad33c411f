// Against a real server, with the bundled demonstration: no key, no money.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as all from "@pipeline/client";

const { Client } = all;
const SERVER = process.env.PIPELINE_TEST_SERVER;
// Several breaks in a row may bring nothing new.
const patient = { triesMax: 25, firstMs: 20, mostMs: 100 };

function program(file, ...given) {
  return new Promise((resolve) => {
    const child = execFile(file, given, (_, stdout, stderr) => resolve({ code: child.exitCode, said: stdout + stderr, stdout }));
  });
}

describe("a real server", { skip: SERVER === undefined ? "clients/test starts it" : false }, () => {
  let token;
  let client;
  let example;
  let cut;
  const lines = [];

  // What takes long, at once: the example, and a stream that is cut.
  before(async () => {
    token = await readFile(process.env.PIPELINE_TEST_TOKEN_FILE, "utf8");
    client = new Client({ baseUrl: SERVER, token });
    const path = join(dirname(fileURLToPath(import.meta.url)), "..", "examples", "watch.mjs");
    example = program(process.execPath, path, SERVER, process.env.PIPELINE_TEST_TOKEN_FILE);
    const through = new Client({ baseUrl: process.env.PIPELINE_TEST_CUT_CODING, token, retries: patient });
    cut = through.codingStream({
      demo: true,
      idempotencyKey: "typescript-cut",
      onEvent: (event) => {
        if (event.event === "log") {
          lines.push([event.data.seq, event.data.line]);
        }
      },
    });
    cut.catch(() => {});
  });

  test("what the server is and can", async () => {
    const me = await client.me();
    assert.deepEqual([me.caller, me.is_admin], ["owner", true]);
    assert.ok("crews" in (await client.models()));
    assert.equal((await client.estimate({ demo: true })).typical_microusd, 0);
  });

  test("wrong requests and wrong tokens are typed errors", async () => {
    await assert.rejects(client.runs.start({ task: "say hello" }), (error) => error instanceof all.Unprocessable && error.exitCode === 2);
    await assert.rejects(client.codingRun({ tusk: "x" }), all.Unprocessable);
    await assert.rejects(client.runs.get("nobody"), all.NotFound);
    await assert.rejects(client.runs.events("no/body").next(), all.NotFound);
    await assert.rejects(client.runs.list({ limit: 0 }), all.BadRequest);
    const stranger = new Client({ baseUrl: SERVER, token: "wrong" });
    await assert.rejects(stranger.codingRun({ demo: true }), (error) => error instanceof all.Unauthorized && error.advice !== undefined);
  });

  test("a run is stopped and gone on with", async () => {
    const run = await client.runs.start({ demo: true, idempotencyKey: "typescript-stopped" });
    const seen = [];
    for await (const event of client.runs.events(run.id)) {
      if (event.event === "end") {
        assert.deepEqual([event.data.run, event.data.status], [run.id, "running"]);
      } else {
        seen.push(event.data.seq);
        if (seen.length === 1) {
          assert.equal((await client.runs.cancel(run.id)).outcome, "asked");
        }
      }
    }
    const stopped = await client.runs.get(run.id);
    assert.deepEqual([stopped.status, stopped.working], ["running", false]);
    assert.equal((await client.runs.cancel(run.id)).outcome, "idle");
    await assert.rejects(client.runs.deliver(run.id, { commit: true }), all.Conflict);
    assert.equal((await client.runs.resume(run.id)).id, run.id);
    await assert.rejects(client.runs.resume(run.id), all.Conflict);
    const end = await client.runs.events(run.id, {
      lastEventId: seen.at(-1),
      onEvent: (event) => void (event.event === "event" && seen.push(event.data.seq)),
    });
    assert.deepEqual([end.status, end.reason, end.tier], ["completed", null, "proven"]);
    assert.deepEqual(seen, [...seen.keys()]);
    // The same request in another way waits for the same run.
    assert.equal((await client.codingRun({ demo: true, idempotencyKey: "typescript-stopped" })).id, run.id);
  });

  test("the example watches a run", async () => {
    const { code, said, stdout } = await example;
    assert.equal(code, 0, said);
    const shown = stdout.trimEnd().split("\n");
    const found = /^(\S+): completed, proven; next: .+$/.exec(shown.pop());
    assert.ok(found, said);
    assert.deepEqual(shown.map((it) => Number.parseInt(it, 10)), [...shown.keys()]);
    const run = await client.runs.get(found[1]);
    assert.deepEqual([run.events, run.status, run.tier, run.working], [shown.length, "completed", "proven", false]);
  });

  test("a stream that is cut tells every line once", async () => {
    const run = await cut;
    assert.deepEqual([run.status, run.reason], ["completed", null]);
    assert.deepEqual(lines.map((it) => it[0]), [...Array(run.events).keys()]);
    assert.equal((await client.runs.list({ limit: 200 })).runs.filter((it) => it.id === run.id).length, 1);
    const left = [];
    for await (const event of client.codingStream({ demo: true, idempotencyKey: "typescript-cut", lastEventId: run.events - 3 })) {
      left.push(event.event);
    }
    assert.deepEqual(left, ["log", "log", "done"]);
  });

  test("events that are cut come once and in order", async () => {
    const run = await cut;
    const read = async (it) => {
      const found = [];
      for await (const event of it.runs.events(run.id)) {
        found.push(event);
      }
      return found;
    };
    const whole = await read(client);
    const through = new Client({ baseUrl: process.env.PIPELINE_TEST_CUT_EVENTS, token, retries: patient });
    assert.deepEqual(await read(through), whole);
    const last = whole.pop();
    assert.deepEqual([last.event, last.data.tier], ["end", "proven"]);
    assert.deepEqual(whole.map((it) => it.data.seq), [...Array(run.events).keys()]);
    assert.deepEqual(whole.map((it) => [it.data.seq, it.data.line]), lines);
    assert.deepEqual([whole[0].kind, whole[0].data.event.kind], ["opened", "opened"]);
  });

  test("what a run leaves", async () => {
    const run = await cut;
    const first = await client.runs.list({ limit: 1 });
    assert.equal(first.runs.length, 1);
    const second = await client.runs.list({ limit: 1, before: first.next });
    assert.notEqual(second.runs[0].id, first.runs[0].id);
    assert.ok((await client.runs.list({ status: "completed" })).runs.some((it) => it.id === run.id));
    const patch = new TextDecoder().decode(await client.runs.patch(run.id));
    assert.equal(patch, run.proposed_code);
    assert.match(patch, /^diff --git /);
    const report = await client.runs.report(run.id);
    assert.match(report, /<html/);
    const folder = await mkdtemp(join(tmpdir(), "pipeline-bundle-"));
    const archive = join(folder, "run.tar");
    await writeFile(archive, await client.runs.bundle(run.id));
    assert.equal((await program("tar", "-xf", archive, "-C", folder)).code, 0);
    assert.equal(await readFile(join(folder, run.id, "report.html"), "utf8"), report);
    await rm(folder, { recursive: true });
    const handed = await client.runs.deliver(run.id, { commit: true });
    assert.deepEqual(handed.deliveries, run.deliveries);
    assert.equal((await client.runs.cancel(run.id)).outcome, "ended");
    await assert.rejects(client.runs.resume(run.id), all.Conflict);
  });
});
