// Events out of the bytes of a stream, as the HTML standard has them (server-sent events).

/** Largest event that is kept, in characters: a server that never ends one fills no memory. */
export const EVENT_LENGTH_MAX = 64 * 1024 * 1024;

/** An event as it was sent. */
export interface Message {
  /** Its kind; `message` where none was said. */
  event: string;
  data: string;
  /** The last id that was said, here or before. */
  id: string;
}

/** Takes bytes, cut anywhere, and gives events, each as soon as its last byte is there. What isn't whole at the end was never said. */
export class EventParser {
  lastEventId = "";
  /** How long the server wants a client to wait before it comes back. */
  retryMs: number | undefined;
  // Takes the mark of the encoding away at the beginning, and waits for the rest of a character.
  #decoder = new TextDecoder("utf-8");
  #line: string[] = [];
  #length = 0;
  #afterCr = false;
  #id = "";
  #event = "";
  #data: string[] = [];

  /** The events that are whole now. */
  feed(chunk: Uint8Array): Message[] {
    const text = this.#decoder.decode(chunk, { stream: true });
    const found: Message[] = [];
    let start = 0;
    if (this.#afterCr && text !== "") {
      this.#afterCr = false;
      start = text[0] === "\n" ? 1 : 0;
    }
    const ends = /\r\n?|\n/g;
    while (start < text.length) {
      ends.lastIndex = start;
      const end = ends.exec(text);
      const part = text.slice(start, end === null ? undefined : end.index);
      this.#length += part.length;
      if (EVENT_LENGTH_MAX < this.#length) {
        throw new RangeError(`an event is longer than ${EVENT_LENGTH_MAX} characters`);
      }
      this.#line.push(part);
      if (end === null) {
        break;
      }
      const line = this.#line.join("");
      this.#line = [];
      this.#take(line, found);
      start = ends.lastIndex;
      this.#afterCr = end[0] === "\r" && start === text.length;
    }
    return found;
  }

  #take(line: string, found: Message[]): void {
    if (line === "") {
      this.#dispatch(found);
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const said = colon < 0 ? "" : line.slice(colon + 1);
    const value = said.startsWith(" ") ? said.slice(1) : said;
    if (name === "data") {
      this.#data.push(value);
    } else if (name === "event") {
      this.#event = value;
    } else if (name === "id") {
      if (!value.includes("\0")) {
        this.#id = value;
      }
    } else if (name === "retry" && /^[0-9]+$/.test(value)) {
      this.retryMs = Number(value.slice(0, 9));
    }
  }

  #dispatch(found: Message[]): void {
    this.lastEventId = this.#id;
    if (0 < this.#data.length) {
      found.push({ event: this.#event === "" ? "message" : this.#event, data: this.#data.join("\n"), id: this.#id });
    }
    this.#event = "";
    this.#data = [];
    this.#length = 0;
  }
}
