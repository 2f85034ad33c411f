// A server that says what a test wrote down for it, answer after answer, and remembers what it was asked.

import assert from "node:assert/strict";
import { createServer } from "node:net";

/** A whole answer. */
export function answer(status, body = "", kind = "application/json", headers = {}) {
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${status} X\r\nContent-Type: ${kind}\r\nContent-Length: ${length}\r\nConnection: close\r\n${more.join("")}\r\n${body}`;
}

/** An answer that says what is wrong. */
export function problem(status, title, more = {}, headers = {}) {
  return answer(status, JSON.stringify({ type: "about:blank", title, status, ...more }), "application/problem+json", headers);
}

/** A stream that ends when the connection does. */
export function events(text) {
  return `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n${text}`;
}

/** A stream whose connection stays. */
export function staying(text) {
  return { text: events(text) };
}

/** Runs a test beside the script's server; it fails when the script isn't played exactly. */
export async function serving(answers, body) {
  const asked = [];
  const open = new Set();
  const server = createServer((socket) => {
    open.add(socket);
    let read = Buffer.alloc(0);
    let isOver = false;
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", (chunk) => {
      read = Buffer.concat([read, chunk]);
      const end = read.indexOf("\r\n\r\n");
      if (isOver || end < 0) {
        return;
      }
      const [line, ...rest] = read.subarray(0, end).toString().split("\r\n");
      const headers = Object.fromEntries(rest.map((it) => [it.slice(0, it.indexOf(":")).toLowerCase(), it.slice(it.indexOf(":") + 1).trim()]));
      const sent = read.subarray(end + 4);
      if (sent.length < Number(headers["content-length"] ?? 0)) {
        return;
      }
      isOver = true;
      const next = answers[asked.length] ?? "";
      asked.push({ line, headers, body: sent.toString() });
      if (typeof next === "object") {
        socket.write(next.text);
      } else {
        socket.end(next);
      }
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body(`http://127.0.0.1:${server.address().port}`, asked);
  } finally {
    for (const it of open) {
      it.destroy();
    }
    server.close();
  }
  assert.equal(asked.length, answers.length, `asked ${asked.length} times, and ${answers.length} answers were written down`);
}
