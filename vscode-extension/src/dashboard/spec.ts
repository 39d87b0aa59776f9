/**
 * What is to be seen, as plain values, and the one function that makes the page so. Only what differs from what
 * was drawn before is touched, so nothing flickers, and focus, selection and scroll positions stay.
 */

export interface Spec {
  readonly tag: string;
  /** Tells siblings apart where they come and go; without one, their place does. */
  readonly key?: string | undefined;
  readonly attrs?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly children?: readonly (Spec | string)[] | undefined;
}

type Child = Spec | string | undefined | false | "";

/** `el("p.note", {…}, …)`: the words after dots are classes. */
export function el(tag: string, attrs: Spec["attrs"] & { key?: string } = {}, ...children: readonly (Child | readonly Child[])[]): Spec {
  const [name = "div", ...classes] = tag.split(".");
  const { key, ...rest } = attrs;
  const given = rest["class"];
  const all = [...classes, ...(typeof given === "string" && given ? [given] : [])].join(" ");
  return {
    tag: name,
    key: key as string | undefined,
    attrs: all ? { ...rest, class: all } : rest,
    children: children.flat().filter((child): child is Spec | string => typeof child === "object" || (typeof child === "string" && child !== "")),
  };
}

const drawn = new WeakMap<Element, Spec>();
const SVG = "http://www.w3.org/2000/svg";

/** Makes the children of `parent` as the specs say. */
export function patchChildren(parent: Element, wanted: readonly (Spec | string)[]): void {
  const before = new Map<string, ChildNode>();
  for (const [at, node] of [...parent.childNodes].entries()) before.set(nameOf(node instanceof Element ? drawn.get(node) : "", at), node);
  let cursor = parent.firstChild;
  for (const [at, spec] of wanted.entries()) {
    const name = nameOf(spec, at);
    const old = before.get(name);
    before.delete(name);
    const node = old ?? created(spec, parent);
    if (typeof spec === "string") {
      if (node.nodeValue !== spec) node.nodeValue = spec;
    } else patch(node as Element, spec);
    if (node === cursor) cursor = node.nextSibling;
    else parent.insertBefore(node, cursor);
  }
  for (const node of before.values()) node.remove();
}

function nameOf(spec: Spec | string | undefined, at: number): string {
  if (spec === undefined) return `?:${at}`;
  if (typeof spec === "string") return `text:${at}`;
  return spec.key === undefined ? `${spec.tag}@${at}` : `${spec.tag}#${spec.key}`;
}

function created(spec: Spec | string, parent: Element): ChildNode {
  if (typeof spec === "string") return document.createTextNode(spec);
  const inSvg = spec.tag === "svg" || parent.namespaceURI === SVG;
  return inSvg ? document.createElementNS(SVG, spec.tag) : document.createElement(spec.tag);
}

function patch(element: Element, spec: Spec): void {
  const old = drawn.get(element);
  if (old === spec) return;
  drawn.set(element, spec);
  const { attrs = {}, children = [] } = spec;
  for (const name of Object.keys(old?.attrs ?? {})) if (attrs[name] === undefined || attrs[name] === false) element.removeAttribute(name);
  for (const [name, value] of Object.entries(attrs)) {
    if (value === undefined || value === false || value === old?.attrs?.[name]) continue;
    // A style attribute is forbidden by the page's policy; the same through the object is not.
    if (name === "style") (element as HTMLElement | SVGElement).style.cssText = String(value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  patchChildren(element, children);
}

/** All text of a spec, for tests and for what is said aloud. */
export function textOf(spec: Spec | string): string {
  if (typeof spec === "string") return spec;
  return (spec.children ?? []).map(textOf).filter(Boolean).join(" ");
}
