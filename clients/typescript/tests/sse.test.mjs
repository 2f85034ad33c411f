// Events out of bytes, whole and cut at every place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "@pipeline/client";

const encode = (text) => new TextEncoder().encode(text);

const CASES = {
  "line feeds": ["event: log\ndata: a\nid: 1\n\n", [["log", "a", "1"]]],
  "carriage returns": ["event: log\rdata: a\rid: 1\r\r", [["log", "a", "1"]]],
  both: ["event: log\r\ndata: a\r\nid: 1\r\n\r\n", [["log", "a", "1"]]],
  "mixed ends of lines": ["data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\r", [["message", "a\nb\nc", ""], ["message", "d", ""]]],
  "a mark of the encoding": ["\ufeffdata: a\n\n", [["message", "a", ""]]],
  "a mark in the middle is text": ["data: a\n\n\ufeffdata: b\n\ndata: c\n\n", [["message", "a", ""], ["message", "c", ""]]],
  comments: [": heartbeat\n\n:\ndata: a\n: b\n\n", [["message", "a", ""]]],
  "several lines of data": ["data: a\ndata:\ndata:  b\n\n", [["message", "a\n\n b", ""]]],
  "data without a colon": ["data\n\ndata\ndata\n\n", [["message", "", ""], ["message", "\n", ""]]],
  "no data is no event": ["event: log\n\ndata: a\n\n", [["message", "a", ""]]],
  "an id without data stays": ["id: 7\n\ndata: a\n\n", [["message", "a", "7"]]],
  "an id stays for the next": ["id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", [["message", "a", "7"], ["message", "b", "7"], ["message", "c", ""]]],
  "an id with a zero byte is none": ["id: 7\n\nid: 8\0\ndata: a\n\n", [["message", "a", "7"]]],
  "fields that nobody knows": ["colour: red\nDATA: x\n data: y\ndata: a\n\n", [["message", "a", ""]]],
  "colons in a value": ["data: a: b\ndata::c\n\n", [["message", "a: b\n:c", ""]]],
  "not whole at the end": ["data: a\n\ndata: b\n", [["message", "a", ""]]],
  "characters of several bytes": ["data: ä€😀\n\n", [["message", "ä€😀", ""]]],
  nothing: ["\n\n\r\n", []],
};

function told(chunks) {
  const parser = new EventParser();
  return chunks.flatMap((it) => parser.feed(it)).map((it) => [it.event, it.data, it.id]);
}

for (const [name, [text, wanted]] of Object.entries(CASES)) {
  test(`the same events however the bytes are cut: ${name}`, () => {
    const stream = encode(text);
    assert.deepEqual(told([stream]), wanted);
    assert.deepEqual(told(Array.from(stream, (it) => Uint8Array.of(it))), wanted);
    for (let cut = 0; cut <= stream.length; cut += 1) {
      assert.deepEqual(told([stream.subarray(0, cut), new Uint8Array(), stream.subarray(cut)]), wanted, `cut before byte ${cut}`);
    }
  });
}

test("bytes that are no text", () => {
  assert.deepEqual(told([Uint8Array.of(...encode("data: a"), 0xff), encode("\n\n")]), [["message", "a\ufffd", ""]]);
});

test("an event is told with its last byte", () => {
  const parser = new EventParser();
  assert.equal(parser.feed(encode("data: a\r\n")).length, 0);
  assert.equal(parser.feed(encode("\r")).length, 1);
  assert.equal(parser.feed(encode("\n")).length, 0);
});

test("retry is a number", () => {
  for (const [line, wanted] of [["retry: 250", 250], ["retry: 2s", undefined], ["retry:", undefined], ["retry: -1", undefined]]) {
    const parser = new EventParser();
    parser.feed(encode(`${line}\n`));
    assert.equal(parser.retryMs, wanted);
  }
});

test("an event without an end fills no memory", () => {
  const parser = new EventParser();
  const chunk = new Uint8Array(8 * 1024 * 1024).fill(0x61);
  assert.throws(() => {
    for (let i = 0; i < 9; i += 1) {
      parser.feed(chunk);
    }
  }, RangeError);
});
