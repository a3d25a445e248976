// The table of all models. Rows are made once; then only texts change, so a reader's place is never lost.

import { spark } from "./drawing.js";
import { h, put, say } from "./element.js";
import { figures, lines } from "./figures.js";
import { known } from "./watching.js";
import { NOTHING, count, duration, number } from "./words.js";

const COLUMNS = {
  rate: "requests/s",
  p50: "median",
  p99: "99 %",
  batch: "rows a batch",
  queue: "queue, 99 %",
  drift: "drift",
  profiled: "rows profiled",
};

export function modelTable(node) {
  const rows = new Map();

  function build() {
    rows.clear();
    for (const model of known.models) rows.set(model.name, row(model));
    const heads = Object.values(COLUMNS).map((title) => h("th", { scope: "col", class: "n" }, title));
    put(
      node,
      h(
        "table",
        { class: "models" },
        h(
          "caption",
          { class: "note" },
          "Requests of the last ten seconds; latency, batches and queue of the last minute.",
        ),
        h(
          "thead",
          {},
          h("tr", {}, h("th", { scope: "col" }, "model"), h("th", { scope: "col", class: "trend" }, "trend"), heads),
        ),
        h(
          "tbody",
          {},
          [...rows.values()].map((one) => one.node),
        ),
      ),
    );
  }

  return (chosen) => {
    if (!known.models.length) return;
    if ([...rows.keys()].join() !== known.models.map((model) => model.name).join()) build();
    for (const model of known.models) rows.get(model.name).update(model, model.name === chosen);
  };
}

function row(model) {
  const link = h("a", { href: `#${model.name}` }, model.name);
  const version = h("span", { class: "version" });
  const rollout = h("span", { class: "version" });
  const trend = spark();
  const cells = Object.fromEntries(
    Object.entries(COLUMNS).map(([key, title]) => [key, h("td", { class: "n", "data-title": title }, NOTHING)]),
  );
  const node = h(
    "tr",
    {},
    h("th", { scope: "row" }, link, version, rollout),
    h("td", { class: "trend" }, trend.node),
    Object.values(cells),
  );

  function update(one, chosen) {
    node.className = one.ready ? "" : "off";
    if (chosen) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    say(version, one.ready ? (one.version ?? "no version") : "not ready");
    const trial = known.rollouts[one.name]?.rollout;
    say(rollout, trial?.active ? `rollout: ${trial.step.name}` : "");
    const found = figures(one.name) ?? {};
    trend.update(lines(one.name).rate);
    say(cells.rate, number(found.rate));
    say(cells.p50, duration(found.p50));
    say(cells.p99, duration(found.p99));
    say(cells.batch, number(found.batch));
    say(cells.queue, duration(found.queue));
    const report = known.reports[one.name];
    say(cells.drift, drift(report));
    cells.drift.classList.toggle("bad", report?.state === "drifted");
    say(cells.profiled, count(known.looks.at(-1)?.models[one.name]?.profile.profiled));
  }
  return { node, update };
}

function drift(report) {
  if (!report) return known.monitored ? NOTHING : "off";
  if (report.state !== "drifted") return report.state;
  const many = report.columns.filter((column) => column.state === "drifted").length;
  return `${many} drifted`;
}
