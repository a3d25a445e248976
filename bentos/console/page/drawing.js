// Small line charts of the last five minutes. They stretch with the page; colours come from the style sheet.

import { h, put, say, svg } from "./element.js";
import { NOTHING } from "./words.js";
import { KEPT } from "./watching.js";

const WIDTH = 320;
const HEIGHT = 72;
const GAP = 10_000; // looks further apart than this were not made: nobody was looking

/** Points `[at, value]` as a path; broken where a value is missing or nobody looked. */
export function path(points, end, top, height = HEIGHT) {
  let drawn = "";
  let last = null;
  for (const [at, value] of points) {
    if (value === null) {
      last = null;
      continue;
    }
    const x = WIDTH * (1 - (end - at) / KEPT);
    const y = height - 1 - (value / top) * (height - 3);
    drawn += `${last === null || at - last > GAP ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    last = at;
  }
  return drawn;
}

const highest = (lines) => Math.max(0, ...lines.flat().map(([, value]) => value ?? 0));

/** A chart with a heading: `update([{ label, points }], shown)`, the first line is the strongest. */
export function chart(title, format) {
  const now = h("span", { class: "now" });
  const top = h("span");
  const picture = svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const none = h("span", { class: "none" });
  const node = h("figure", {},
    h("figcaption", {}, h("h4", {}, title), now),
    h("div", { class: "plot" }, picture, none),
    h("div", { class: "ends" }, h("span", {}, "5 min ago"), top, h("span", {}, "now")));

  function update(lines, shown, empty) {
    const end = lines[0].points.at(-1)?.[0] ?? Date.now();
    const height = highest(lines.map((line) => line.points));
    say(now, shown);
    say(top, height ? `top ${format(height)}` : "");
    say(none, height ? "" : empty);
    put(picture, ...lines.map((line, place) =>
      svg("path", { class: `line${place + 1}`, d: height ? path(line.points, end, height) : "" })));
    picture.setAttribute("aria-label", `${title}, last five minutes: now ${shown || NOTHING}, most ${format(height)}`);
  }
  return { node, update };
}

/** A line as high as a line of text, for a table. */
export function spark() {
  const line = svg("path", { class: "line1" });
  const node = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} 24`, preserveAspectRatio: "none", "aria-hidden": "true" }, line);
  return {
    node,
    update(points) {
      const top = highest([points]);
      line.setAttribute("d", top ? path(points, points.at(-1)[0], top, 24) : "");
    },
  };
}
