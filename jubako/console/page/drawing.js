// Small line charts of the last five minutes. They stretch with the page; colours come from the
// style sheet.

import { h, put, say, svg } from "./element.js";
import { KEPT, known } from "./watching.js";
import { NOTHING } from "./words.js";

const WIDTH = 320;
const HEIGHT = 72;
const GAP = 10_000; // looks further apart than this have a gap: the page was hidden

const LEAST = 60_000;

/** How much time the charts show: all that was seen, so that a young page has no empty ones. */
function shownTime() {
  const seen = known.looks.length ? known.looks.at(-1).at - known.looks[0].at : 0;
  return Math.min(KEPT, Math.max(LEAST, seen));
}

/** Points `[at, value]` as a path; broken where a value is missing or the page was hidden. */
export function path(points, end, top, height = HEIGHT) {
  const over = shownTime();
  let drawn = "";
  let last = null;
  for (const [at, value] of points) {
    if (value === null) {
      last = null;
      continue;
    }
    const x = WIDTH * (1 - (end - at) / over);
    const y = height - 1 - (value / top) * (height - 3);
    drawn += `${last === null || at - last > GAP ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    last = at;
  }
  return drawn;
}

const highest = (lines) => Math.max(0, ...lines.flat().map(([, value]) => value ?? 0));

/** A chart with a heading: `update([{ kind, points, said }], empty)`; the newest value of each line has its colour. */
export function chart(title, format) {
  const now = h("p", { class: "now" });
  const start = h("span");
  const top = h("span");
  const picture = svg("svg", {
    class: "chart",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
  });
  const none = h("span", { class: "none" });
  const node = h(
    "figure",
    {},
    h("figcaption", {}, h("h4", {}, title), now),
    h("div", { class: "plot" }, picture, none),
    h("div", { class: "ends" }, start, top, h("span", {}, "now")),
  );

  let told = "";
  function update(lines, empty) {
    const end = lines[0].points.at(-1)?.[0] ?? Date.now();
    const height = highest(lines.map((line) => line.points));
    const minutes = shownTime() / 60_000;
    say(start, minutes < 1.05 ? "a minute ago" : `${minutes.toFixed(minutes < 4.9 ? 1 : 0)} minutes ago`);
    const shown = lines
      .map((line) => line.said)
      .filter(Boolean)
      .join(", ");
    if (told !== shown)
      put(
        now,
        lines.map((line) => line.said && [h("i", { class: `key ${line.kind}` }), h("span", {}, line.said)]),
      );
    told = shown;
    say(top, height ? `top ${format(height)}` : "");
    say(none, height ? "" : empty);
    put(
      picture,
      ...lines.map((line) => svg("path", { class: line.kind, d: height ? path(line.points, end, height) : "" })),
    );
    picture.setAttribute("aria-label", `${title}: now ${shown || NOTHING}; the most was ${format(height)}`);
  }
  return { node, update };
}

/** A line as high as a line of text, for a table. */
export function spark() {
  const line = svg("path", { class: "strong" });
  const node = svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} 24`, preserveAspectRatio: "none", "aria-hidden": "true" },
    line,
  );
  return {
    node,
    update(points) {
      const top = highest([points]);
      line.setAttribute("d", top ? path(points, points.at(-1)[0], top, 24) : "");
    },
  };
}
