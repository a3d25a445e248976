// What GET /v1/monitoring/{model} says, in words and small tables.

import { h, say, wide } from "./element.js";
import { NOTHING, count, list, number, period, plain } from "./words.js";

const MOST = 8;

export function drift(report) {
  return h(
    "section",
    { class: "drift" },
    h("h3", {}, "Drift"),
    h("p", { class: report.state === "drifted" ? "bad" : null }, headline(report)),
    h("p", { class: "note" }, basis(report)),
    scores(report),
  );
}

function headline(report) {
  const { rows, needed } = report.window;
  const drifted = report.columns.filter((column) => column.state === "drifted").map((column) => column.column);
  if (report.state === "drifted") return `${list(drifted)} drifted.`;
  if (report.state === "stable") return `No drift in any of ${report.columns.length} columns.`;
  if (report.state === "not enough")
    return `Not enough rows to say anything: ${count(rows)} of the ${count(needed)} that it takes.`;
  return "Nothing to compare with: no version with a reference was found.";
}

function basis(report) {
  const { rows, start, end } = report.window;
  if (!rows) return "No rows were profiled in the last 24 hours.";
  return `${count(rows)} rows answered ${period(start * 1000, end * 1000)}, beside those of the training.`;
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

/** From the counters of all processes: a report knows the other gateways' rows only as they were a while ago. */
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
        ? "Rows answered since the service started: each is profiled, dropped or pending."
        : "No row was answered yet.",
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
    ? `Truth that came back: ${list(told)}.`
    : "No truth came back yet. Send it to /v1/feedback, by prediction id.";
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
      lines.length ? "Which versions answered in the last 24 hours." : "No version answered in the last 24 hours.",
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
