// When a request is sent again, and after how long.

import { ConnectionLost, type Known, type ProblemError } from "./errors.js";

/** A connection that held so long was a good one: what comes after it is counted from the beginning. */
const SPARED_MS = 30_000;

/** How patient a client is. Only what is safe to send twice is sent again: what reads, and what begins a run, which has an `Idempotency-Key`. */
export interface Retries {
  /** Tries in a row that bring nothing new, the first one included. */
  triesMax: number;
  /** Wait before the second try; it doubles with each. */
  firstMs: number;
  /** Longest wait that the client chooses. */
  mostMs: number;
  /** Longest wait that a server may ask for (`Retry-After`); what is longer is an error at once. */
  retryAfterSecondsMax: number;
}

export const USUAL_RETRIES: Retries = { triesMax: 8, firstMs: 500, mostMs: 15_000, retryAfterSecondsMax: 120 };

/** Counts what failed since something new came. */
export class Attempts {
  retryMs: number | undefined;
  #failed = 0;
  #connected: number | undefined;

  constructor(
    private readonly retries: Retries,
    private readonly isSafe: boolean,
  ) {}

  /** An answer began. */
  connected(): void {
    this.#connected = performance.now();
  }

  /** Something new came. */
  came(): void {
    this.#failed = 0;
  }

  /** The milliseconds to wait before the next try; throws when there is none. */
  broken(why: unknown, known: Known = {}): number {
    if (this.#connected !== undefined && SPARED_MS <= performance.now() - this.#connected) {
      this.#failed = 0;
    }
    this.#connected = undefined;
    this.#failed += 1;
    if (!this.isSafe || this.retries.triesMax <= this.#failed) {
      throw new ConnectionLost(why, this.#failed, known);
    }
    return this.#usual();
  }

  /** The milliseconds to wait before the next try after an answer that isn't a success; throws it when another try is no use. */
  refused(problem: ProblemError): number {
    const after = problem.retryAfterSeconds;
    const passes =
      problem.status === 429 ||
      problem.status === 503 ||
      (problem.status === 409 && after !== undefined) ||
      ((problem.status === 502 || problem.status === 504) && !problem.isTold);
    this.#failed += 1;
    const isOver = this.retries.triesMax <= this.#failed || this.retries.retryAfterSecondsMax < (after ?? 0);
    if (!this.isSafe || !passes || isOver) {
      throw problem;
    }
    return after === undefined ? this.#usual() : after * 1000;
  }

  #usual(): number {
    const first = this.retryMs ?? this.retries.firstMs;
    const wait = Math.min(first * 2 ** Math.min(this.#failed - 1, 16), this.retries.mostMs);
    // Clients that lost the same server don't come back all at once.
    return wait * (0.5 + Math.random() / 2);
  }
}

/** Waits, unless the caller has enough. */
export function waited(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
