// Evidence over time on a logarithmic scale, each line against its bound.

import { h, put, say, svg } from "./element.js";
import { clock, number } from "./words.js";

const WIDTH = 320;
const HEIGHT = 160;
const LOWEST = 0.1;
const LINES = { harm: "wrong", not_worse: "strong", agreement: "weak" };
const WORDS = { roll_back: "rolls back", promote: "promotes" };

const told = (value) => (value >= 1e6 ? value.toExponential(1) : number(value));

export function evidenceChart() {
  const now = h("p", { class: "now" });
  const picture = svg("svg", {
    class: "chart tall",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
  });
  const marks = h("div", { class: "marks", "aria-hidden": "true" });
  const start = h("span");
  const end = h("span");
  const parts = h("p", { class: "note" });
  const node = h(
    "figure",
    {},
    h("figcaption", {}, h("h4", {}, "Evidence, on a logarithmic scale"), now),
    h("div", { class: "plot" }, picture, marks),
    h("div", { class: "ends" }, start, end),
    parts,
  );

  function update({ evidence, timeline, started, active }) {
    node.hidden = !evidence.length;
    if (node.hidden) return;
    const lines = evidence.filter((one) => one.kind in LINES);
    const scale = scaleOf(lines, timeline, started);
    put(
      now,
      lines.map((one) => h("span", { class: "entry" }, h("i", { class: `key ${LINES[one.kind]}` }), `${one.title}: `, h("b", {}, told(one.value)))),
    );
    const levels = [...new Map(lines.filter((one) => one.decides).map((one) => [one.bound, one])).values()];
    const changes = timeline.filter((point, place) => place && point.share !== timeline[place - 1].share);
    put(
      picture,
      svg("path", { class: "one", d: level(scale, 1) }),
      levels.map((one) => svg("path", { class: `bound ${one.decides}`, d: level(scale, one.bound) })),
      changes.map((point) => svg("path", { class: "one", d: `M${scale.x(point.at)} 0V${HEIGHT}` })),
      lines.map((one) => svg("path", { class: LINES[one.kind], d: drawn(scale, timeline, one.kind) })),
    );
    put(
      marks,
      levels.map((one) => mark(`${one.bound} ${WORDS[one.decides]}`, one.decides, scale.y(one.bound))),
      mark("1", "", scale.y(1)),
      changes.map((point) => step(`${number(100 * point.share)}%`, scale.x(point.at))),
    );
    picture.setAttribute(
      "aria-label",
      lines.map((one) => `${one.title}: ${told(one.value)}${one.decides ? `, ${WORDS[one.decides]} at ${one.bound}` : ""}`).join("; "),
    );
    say(start, clock(1000 * started));
    say(end, timeline.length ? `${active ? "now, " : ""}${clock(1000 * timeline.at(-1).at)}` : "nothing is judged yet");
    const rest = evidence.filter((one) => !(one.kind in LINES));
    say(parts, `Parts of harm: ${rest.map((one) => `${one.title} ${told(one.value)}`).join(", ")}.`);
  }
  return { node, update };
}

function scaleOf(lines, timeline, started) {
  const top = Math.log10(10 * Math.max(...lines.map((one) => one.bound)));
  const bottom = Math.log10(LOWEST);
  const over = Math.max(1, (timeline.at(-1)?.at ?? started) - started);
  const inside = (value) => Math.min(top, Math.max(bottom, Math.log10(Math.max(value, LOWEST))));
  return {
    x: (at) => (WIDTH * Math.max(0, at - started)) / over,
    y: (value) => HEIGHT * (1 - (inside(value) - bottom) / (top - bottom)),
  };
}

const drawn = ({ x, y }, timeline, kind) =>
  timeline.map((point, place) => `${place ? "L" : "M"}${x(point.at).toFixed(1)} ${y(point[kind]).toFixed(1)}`).join("");

const level = ({ y }, value) => `M0 ${y(value).toFixed(1)}H${WIDTH}`;

function mark(words, kind, y) {
  const node = h("span", { class: kind || null }, words);
  node.style.top = `${((100 * y) / HEIGHT).toFixed(2)}%`;
  return node;
}

function step(words, x) {
  const node = h("span", { class: x > 0.9 * WIDTH ? "step last" : "step" }, words);
  node.style.left = `${((100 * x) / WIDTH).toFixed(2)}%`;
  return node;
}
