// What goes wrong, as errors.

/** Everything that this package throws on account of a server. */
export class PipelineError extends Error {
  override name = "PipelineError";
}

/** The answer isn't one of this API. */
export class ProtocolError extends PipelineError {
  override name = "ProtocolError";
}

/** Where one is in a stream, for whoever goes on by hand. */
export interface Known {
  /** With it and the same task, `codingStream` goes on with the same run. */
  idempotencyKey?: string | undefined;
  run?: string | undefined;
  /** The last event that came. */
  lastEventId?: number | undefined;
}

/** The server could not be reached, or the connection broke, and so did each further try. What was begun on the server goes on there. */
export class ConnectionLost extends PipelineError {
  override name = "ConnectionLost";
  readonly tries: number;
  readonly idempotencyKey: string | undefined;
  readonly run: string | undefined;
  readonly lastEventId: number | undefined;

  constructor(cause: unknown, tries: number, known: Known = {}) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(1 < tries ? `could not go on after ${tries} tries: ${why}` : `could not reach the server: ${why}`, { cause });
    this.tries = tries;
    this.idempotencyKey = known.idempotencyKey;
    this.run = known.run;
    this.lastEventId = known.lastEventId;
  }
}

/** The server says why it doesn't do what was asked (RFC 9457). */
export class ProblemError extends PipelineError {
  override name = "ProblemError";
  readonly status: number;
  /** What could not be done. */
  readonly title: string;
  /** Why, a cause a line. */
  readonly detail: string;
  /** What to do about it. */
  readonly advice: string | undefined;
  /** The code with which the command line would have ended. */
  readonly exitCode: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Whether the API itself said so; otherwise something before it did, as a proxy does. */
  readonly isTold: boolean;

  constructor(told: unknown, status: number, retryAfterSeconds?: number) {
    const fields = (typeof told === "object" && told !== null ? told : {}) as Record<string, unknown>;
    const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : undefined);
    const number = (name: string) => (typeof fields[name] === "number" ? fields[name] : undefined);
    const title = text("title") ?? `the server answered with ${status}`;
    super([`${title} (${number("status") ?? status})`, text("detail"), text("advice")].filter((it) => it).join("\n"));
    this.status = number("status") ?? status;
    this.title = title;
    this.detail = text("detail") ?? "";
    this.advice = text("advice");
    this.exitCode = number("exit_code");
    this.retryAfterSeconds = retryAfterSeconds;
    this.isTold = typeof told === "object" && told !== null;
  }
}

/** The request can't be understood (400, 405, 408, 413, 415). */
export class BadRequest extends ProblemError {
  override name = "BadRequest";
}
/** Nobody knows who asks: the token is missing or wrong (401). */
export class Unauthorized extends ProblemError {
  override name = "Unauthorized";
}
/** The caller may not (403). */
export class Forbidden extends ProblemError {
  override name = "Forbidden";
}
/** There is no such run, or it is somebody else's (404). */
export class NotFound extends ProblemError {
  override name = "NotFound";
}
/** Not in this state: somebody works on the run, or it is at its end (409). */
export class Conflict extends ProblemError {
  override name = "Conflict";
}
/** It is understood and can't be done so: what the command line calls wrong usage (422). */
export class Unprocessable extends ProblemError {
  override name = "Unprocessable";
}
/** Too many at once or a minute (429). */
export class TooManyRequests extends ProblemError {
  override name = "TooManyRequests";
}
/** Not now: the server is being stopped (503) or its disk is full (507). */
export class Unavailable extends ProblemError {
  override name = "Unavailable";
}
/** Something broke on the server or behind it (5xx). */
export class ServerError extends ProblemError {
  override name = "ServerError";
}

const KINDS: Record<number, typeof ProblemError> = {
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  422: Unprocessable,
  429: TooManyRequests,
  503: Unavailable,
  507: Unavailable,
};

/** The error for a problem, as an answer or a stream has it. */
export function problemTold(told: unknown, status: number, retryAfterSeconds?: number): ProblemError {
  const said = typeof told === "object" && told !== null && "status" in told ? told.status : undefined;
  const real = typeof said === "number" ? said : status;
  const kind = KINDS[real] ?? (500 <= real ? ServerError : BadRequest);
  return new kind(told, status, retryAfterSeconds);
}

/** The error for an answer that isn't a success. */
export async function problemOf(response: Response): Promise<ProblemError> {
  let told: unknown;
  const text = await response.text();
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    try {
      told = JSON.parse(text);
    } catch {
      told = undefined;
    }
  }
  const after = response.headers.get("retry-after")?.trim() ?? "";
  return problemTold(told, response.status, /^[0-9]{1,9}$/.test(after) ? Number(after) : undefined);
}
