// What is sent again and what isn't, and what the errors are: against a server that says what is written here.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as all from "@pipeline/client";
import { answer, events, problem, serving, staying } from "./scripted-server.mjs";

const { Client } = all;
const retries = { triesMax: 4, firstMs: 1, mostMs: 2, retryAfterSecondsMax: 5 };
const END = 'event: end\ndata: {"run":"r-1","status":"completed"}\n\n';
const soon = { "Retry-After": "0" };

const client = (baseUrl) => new Client({ baseUrl, token: "t", retries });

function happened(seq) {
  const data = { run: "r-1", seq, at_ms: 1, event: { kind: "started" }, line: `line ${seq}` };
  return `event: started\ndata: ${JSON.stringify(data)}\nid: ${seq}\n\n`;
}

async function numbers(address, options) {
  const seen = [];
  for await (const event of client(address).runs.events("r-1", options)) {
    if (event.event === "event") {
      assert.equal(event.kind, "started");
      seen.push(event.data.seq);
    }
  }
  return seen;
}

for (const [status, kind] of [
  [400, "BadRequest"], [401, "Unauthorized"], [403, "Forbidden"], [404, "NotFound"], [409, "Conflict"],
  [413, "BadRequest"], [422, "Unprocessable"], [500, "ServerError"], [502, "ServerError"], [507, "Unavailable"],
]) {
  test(`a problem of ${status} is a ${kind}`, async () => {
    const told = problem(status, "could not", { detail: "because: a", advice: "do b", exit_code: 14 });
    await serving([told], async (address) => {
      await assert.rejects(client(address).me(), (error) => {
        assert.ok(error instanceof all[kind] && error instanceof all.ProblemError && error instanceof all.PipelineError);
        assert.equal(error.name, kind);
        assert.deepEqual([error.status, error.title, error.detail, error.advice, error.exitCode], [status, "could not", "because: a", "do b", 14]);
        assert.equal(error.message, `could not (${status})\nbecause: a\ndo b`);
        return true;
      });
    });
  });
}

test("a server that has no place is asked again as late as it says", async () => {
  await serving([problem(503, "no", {}, soon), problem(429, "no", {}, soon), answer(200, '{"caller":"owner"}')], async (address, asked) => {
    assert.equal((await client(address).me()).caller, "owner");
    assert.equal(asked[0].headers.authorization, "Bearer t");
  });
});

test("a wait that is too long is an error", async () => {
  await serving([problem(429, "no", {}, { "Retry-After": "6" })], async (address) => {
    await assert.rejects(client(address).me(), (error) => error instanceof all.TooManyRequests && error.retryAfterSeconds === 6);
  });
});

test("tries have an end", async () => {
  await serving(Array(4).fill(problem(503, "no")), async (address) => {
    await assert.rejects(client(address).me(), all.Unavailable);
  });
  await serving(Array(4).fill(""), async (address) => {
    await assert.rejects(client(address).me(), (error) => error instanceof all.ConnectionLost && error.tries === 4);
  });
});

test("a run is begun again under the same key and body only", async () => {
  const answers = ["", answer(502, "<html>", "text/html"), problem(409, "elsewhere", {}, soon), answer(201, '{"id":"r-1"}')];
  await serving(answers, async (address, asked) => {
    assert.equal((await client(address).runs.start({ task: "ä", coders: ["a:b"], effort: { review: "low", draft: "high" } })).id, "r-1");
    assert.equal(new Set(asked.map((it) => it.headers["idempotency-key"])).size, 1);
    // As Python's client writes it, too.
    assert.deepEqual([...new Set(asked.map((it) => it.body))], ['{"coders":["a:b"],"effort":{"draft":"high","review":"low"},"task":"ä"}']);
  });
});

for (const [name, first] of [["a lost answer", ""], ["no place", problem(429, "no", {}, soon)], ["not now", problem(503, "no", {}, soon)]]) {
  test(`what spends money without a key is sent once: ${name}`, async () => {
    for (const act of [(it) => it.runs.resume("r-1"), (it) => it.runs.deliver("r-1", { commit: true })]) {
      await serving([first], async (address) => {
        await assert.rejects(act(client(address)), all.PipelineError);
      });
    }
  });
}

test("a stream goes on behind the last event", async () => {
  const cut = happened(2).slice(0, -1);
  const answers = [events(happened(0) + happened(1) + cut), "", events(happened(1) + happened(2)), events(END)];
  await serving(answers, async (address, asked) => {
    assert.deepEqual(await numbers(address), [0, 1, 2]);
    assert.deepEqual(asked.map((it) => it.headers["last-event-id"]), [undefined, "1", "1", "2"]);
  });
});

test("a stream with a hole is read again", async () => {
  await serving([events(happened(0) + happened(2)), events(happened(1) + happened(2) + END)], async (address) => {
    assert.deepEqual(await numbers(address), [0, 1, 2]);
  });
  await serving([events(happened(8) + END)], async (address) => {
    assert.deepEqual(await numbers(address, { lastEventId: 7 }), [8]);
  });
});

test("a stream that brings nothing has an end", async () => {
  await serving([events(happened(0)), events(""), events(""), events("")], async (address) => {
    await assert.rejects(numbers(address), (error) => error instanceof all.ConnectionLost && error.run === "r-1" && error.lastEventId === 0);
  });
});

test("an error in a stream is thrown", async () => {
  const told = 'event: error\ndata: {"title":"could not read","status":507}\n\n';
  await serving([events(happened(0) + told)], async (address) => {
    await assert.rejects(numbers(address), (error) => error instanceof all.Unavailable && error.title === "could not read");
  });
});

test("what is no answer of this API is said", async () => {
  for (const other of [answer(200, "<html>", "text/html"), answer(302, "", "text/html", { Location: "/" }), answer(200, "7")]) {
    await serving([other], async (address) => {
      await assert.rejects(client(address).models(), all.ProtocolError);
    });
  }
  await serving([answer(200, "{}")], async (address) => {
    await assert.rejects(numbers(address), all.ProtocolError);
  });
});

test("a coding stream that is lost says how to go on", async () => {
  const line = 'event: log\ndata: {"run":"r-1","seq":0,"at_ms":1,"line":"a"}\nid: 0\n\n';
  await serving([events(line), "", "", ""], async (address, asked) => {
    await assert.rejects(client(address).codingRun({ task: "a", idempotencyKey: "mine" }), (error) => {
      assert.deepEqual([error.idempotencyKey, error.run, error.lastEventId], ["mine", "r-1", 0]);
      return error instanceof all.ConnectionLost;
    });
    assert.deepEqual(asked.map((it) => it.headers["idempotency-key"]), Array(4).fill("mine"));
  });
});

test("a signal ends a wait, a stream and the next one", async () => {
  const enough = new Error("enough");
  await serving([staying(happened(0))], async (address) => {
    const ending = new AbortController();
    const watching = client(address).runs.events("r-1", { signal: ending.signal, onEvent: () => ending.abort(enough) });
    await assert.rejects(watching, enough);
  });
  await serving([staying(happened(0))], async (address) => {
    const ending = new AbortController();
    const watching = client(address).runs.events("r-1", { signal: ending.signal, onEvent: () => void setTimeout(() => ending.abort(enough), 20) });
    await assert.rejects(watching, enough);
  });
  await serving([problem(503, "no", {}, { "Retry-After": "5" })], async (address, asked) => {
    const ending = new AbortController();
    const waiting = client(address).me({ signal: ending.signal });
    while (asked.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    setTimeout(() => ending.abort(enough), 20);
    await assert.rejects(waiting, enough);
  });
  await serving([], async (address) => {
    await assert.rejects(client(address).codingRun({ task: "a", signal: AbortSignal.abort(enough) }), enough);
  });
});

test("whoever breaks off a stream closes its connection, and what they throw is theirs", async () => {
  await serving([staying(happened(0) + happened(1))], async (address) => {
    for await (const _ of client(address).runs.events("r-1")) {
      break;
    }
  });
  await serving([staying(happened(0))], async (address) => {
    const mine = new TypeError("mine");
    await assert.rejects(client(address).runs.events("r-1", { onEvent: () => Promise.reject(mine) }), mine);
  });
});

test("without a token the page's cookie is used, and says so", async () => {
  await serving([answer(200, "{}")], async (baseUrl, asked) => {
    await new Client({ baseUrl }).me();
    assert.equal(asked[0].headers["pipeline-request"], "page");
    assert.equal(asked[0].headers.authorization, undefined);
  });
});

test("wrong arguments are refused at once", () => {
  for (const [baseUrl, token] of [["127.0.0.1:1", "t"], ["http://x", ""], ["http://x", "a\nb"]]) {
    assert.throws(() => new Client({ baseUrl, token }), TypeError);
  }
  for (const run of ["", ".", ".."]) {
    assert.throws(() => client("http://127.0.0.1:1").runs.get(run), TypeError);
  }
  assert.throws(() => client("http://127.0.0.1:1").runs.start({ task: "a", idempotencyKey: "a b" }), TypeError);
});
