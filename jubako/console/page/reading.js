// The report of GET /v1/monitoring/{model}, in its own words and small tables.

import { h, say, wide } from "./element.js";
import { NOTHING, count, list, number, plain } from "./words.js";

const MOST = 8;

export function drift(report) {
  return h(
    "section",
    { class: "drift" },
    h("h3", {}, "Drift"),
    h("p", { class: report.state === "drifted" ? "bad" : null }, report.headline),
    h("p", { class: "note" }, report.basis),
    scores(report),
  );
}

/** The columns that are nearest to their limit. */
function scores(report) {
  const scored = report.columns.filter((column) => column.score !== null);
  if (!scored.length) return null;
  const rest = scored.length - MOST;
  const top = Math.max(1, scored[0].score);
  return h(
    "ul",
    { class: "scores" },
    scored
      .slice(0, MOST)
      .map((column) =>
        h(
          "li",
          { class: column.state === "drifted" ? "bad" : null },
          h("span", {}, plain(column.column)),
          h("span", { class: "bar" }, wide(h("i", {}), column.score / top), limit(top)),
          h("span", { class: "n" }, column.score.toFixed(2)),
        ),
      ),
    h(
      "li",
      { class: "note" },
      "A score of 1 is the limit of the card, marked in each line.",
      rest > 0 ? ` ${rest} more are below these.` : "",
    ),
  );
}

function limit(top) {
  const mark = h("u", {});
  mark.style.left = `${(100 / top).toFixed(2)}%`;
  return mark;
}

/** From the counters of all processes: a report has those of the other gateways as of a few seconds ago. */
export function accounting() {
  const note = h("p", { class: "note" });
  const cells = Object.fromEntries(
    ["received", "profiled", "dropped", "pending"].map((name) => [name, h("td", { class: "n" })]),
  );
  const node = h(
    "section",
    {},
    h("h3", {}, "Accounting"),
    note,
    h(
      "table",
      {},
      h(
        "tbody",
        {},
        Object.entries(cells).map(([name, cell]) => h("tr", {}, h("td", {}, name), cell)),
      ),
    ),
  );

  function update(model) {
    const rows = { ...model?.profile, pending: model?.pending ?? 0 };
    say(
      note,
      rows.received
        ? "Rows answered since the service started. Each is profiled, dropped or pending."
        : "No row has been answered yet.",
    );
    for (const [name, cell] of Object.entries(cells)) say(cell, count(rows[name] ?? 0));
  }
  return { node, update };
}

export function quality(report) {
  const told = Object.entries(report.feedback)
    .filter(([, many]) => many)
    .map(([outcome, many]) => `${count(many)} ${outcome}`);
  const note = told.length
    ? `Truth received: ${list(told)}.`
    : "No truth received yet. Send it to /v1/feedback, by prediction id.";
  const judged = report.quality[0];
  const lines = report.quality
    .slice(0, 2)
    .flatMap((one) =>
      Object.entries(one.metrics).map(([metric, value]) => [plain(metric), number(value), number(one.trained[metric])]),
    );
  return h(
    "section",
    {},
    h("h3", {}, "Live quality"),
    h("p", { class: "note" }, note),
    judged ? h("p", { class: judged.state === "worse" ? "bad" : "note" }, judged.summary) : null,
    lines.length ? table(["metric", "live", "training"], lines) : null,
  );
}

export function versions(report, model) {
  const lines = report.versions.map((one) => [
    one.version,
    count(one.rows),
    one.serves || one.version === model.version ? "serves" : NOTHING,
  ]);
  return h(
    "section",
    { class: "versions" },
    h("h3", {}, "Versions"),
    h(
      "p",
      { class: "note" },
      lines.length ? "Versions that answered in the last 24 hours." : "No version answered in the last 24 hours.",
    ),
    lines.length ? table(["version", "rows", ""], lines) : null,
  );
}

function table(heads, lines) {
  const kind = (place) => ({ class: place ? "n" : null });
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head, place) => h("th", { scope: "col", ...kind(place) }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        lines.map((line) =>
          h(
            "tr",
            {},
            line.map((cell, place) => h("td", kind(place), cell)),
          ),
        ),
      ),
    ),
  );
}
