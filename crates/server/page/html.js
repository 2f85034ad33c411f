// The one door through which text gets onto the page: everything below is a text node, and shows what hides in it.
import { h as element, render, Fragment } from "./vendor/preact.module.js";
import htm from "./vendor/htm.module.js";
import { visible, cut } from "./words.js";

export { render, Fragment };
export {
  useState, useEffect, useLayoutEffect, useRef, useMemo, useReducer, useCallback,
} from "./vendor/hooks.module.js";

// Longest text of one node; whoever expects longer ones cuts them with better words.
const TEXT_CHARS_MAX = 100_000;
// What a browser reads out or shows as it shows text.
const SPOKEN = ["title", "aria-label", "alt", "placeholder"];

function shown(child) {
  if (typeof child === "string") return visible(cut(child, TEXT_CHARS_MAX));
  return Array.isArray(child) ? child.map(shown) : child;
}

function h(type, props, ...children) {
  for (const name of SPOKEN) {
    if (typeof props?.[name] === "string") props = { ...props, [name]: visible(props[name]) };
  }
  if (props && "dangerouslySetInnerHTML" in props) throw new Error("text is never HTML here");
  return element(type, props, ...children.map(shown));
}

export const html = htm.bind(h);
