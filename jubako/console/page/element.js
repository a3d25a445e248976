// Elements from data. Text stays text, so nothing that a service or a picture says can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** `h("a", { href: "#iris", onclick }, "iris")`. What is null or false is left out. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...present(children));
  return node;
}

function present(children) {
  return children.flat(2).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Writes only what changed: a reader's selection and a screen reader's place survive. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function put(node, ...children) {
  node.replaceChildren(...present(children));
}

/** The policy forbids style attributes; the object behind them is allowed. */
export function wide(node, share) {
  node.style.width = `${(100 * Math.max(0, Math.min(1, share))).toFixed(2)}%`;
  return node;
}
