import { createElement, Fragment, useMemo, type ReactNode } from "react";

/** Elements that say how text is laid out; all others are left out, with or without what is in them. */
const kept = new Set([
  "p", "div", "span", "br", "hr", "b", "strong", "i", "em", "u", "s", "del", "sub", "sup", "small", "code", "kbd", "samp", "pre", "blockquote",
  "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "details", "summary",
]);
const dropped = new Set(["script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math", "head", "title", "meta", "link", "base", "select", "textarea"]);
const deepest = 100;

/**
 * HTML from a workspace as elements of this page. It is read as a document that has no window, so that nothing in it
 * runs or loads, and only the names of harmless elements and their text are taken over: no attribute but a cell's span.
 */
export function InertHTML({ html }: { readonly html: string }) {
  const children = useMemo(() => childrenOf(new DOMParser().parseFromString(withoutHandlers(html), "text/html").body, 0), [html]);
  return <>{children}</>;
}

/**
 * No attribute is taken over. That handlers are gone before the text is read keeps the browser from reporting each to the
 * page's policy, which holds in such a document too. One that is missed here is reported, and runs no more than the others.
 */
function withoutHandlers(html: string): string {
  return html.replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/([\s"'/])on(?=[a-z]+\s*=)/gi, "$1data-on"));
}

function childrenOf(parent: Element, depth: number): ReactNode[] {
  if (depth > deepest) return [parent.textContent];
  return [...parent.childNodes].map((node, index) => nodeOf(node, index, depth));
}

/** Between rows and cells React wants no text, and there it is white space. */
const rowParents = new Set(["table", "thead", "tbody", "tfoot", "tr"]);

function nodeOf(node: Node, key: number, depth: number): ReactNode {
  if (node.nodeType === Node.TEXT_NODE) {
    if (rowParents.has(node.parentElement?.localName ?? "")) return null;
    return node.nodeValue;
  }
  if (!(node instanceof Element) || dropped.has(node.localName)) return null;
  if (node.localName === "img") return <em key={key}>{node.getAttribute("alt") ?? "(picture)"}</em>;
  const children = childrenOf(node, depth + 1);
  if (!kept.has(node.localName)) return <Fragment key={key}>{children}</Fragment>;
  if (node.localName === "br" || node.localName === "hr") return createElement(node.localName, { key });
  return createElement(node.localName, { key, ...spansOf(node) }, ...children);
}

function spansOf(element: Element): { colSpan?: number; rowSpan?: number } {
  const span = (name: string) => {
    const value = Number(element.getAttribute(name));
    return Number.isInteger(value) && value > 1 && value <= 1000 ? value : undefined;
  };
  if (element.localName !== "td" && element.localName !== "th") return {};
  const [colSpan, rowSpan] = [span("colspan"), span("rowspan")];
  return { ...(colSpan ? { colSpan } : {}), ...(rowSpan ? { rowSpan } : {}) };
}
