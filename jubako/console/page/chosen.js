// One model in full: its charts, its drift and accounting, and the form to try it. Made once for each model.

import { chart } from "./drawing.js";
import { h, put, say } from "./element.js";
import { figures, lines } from "./figures.js";
import { accounting, drift, quality, versions } from "./reading.js";
import { rolloutSection } from "./rollout.js";
import { tryIt } from "./trying.js";
import { known } from "./watching.js";
import { NOTHING, duration, number, plural } from "./words.js";

const QUIET = "no requests yet";

export function panels(node) {
  const made = new Map();
  let shown = null;
  return (name) => {
    const model = known.models.find((one) => one.name === name);
    if (!model || !known.cards[name]) return;
    if (!made.has(name)) made.set(name, panel(name));
    if (shown !== name) put(node, made.get(name).node);
    shown = name;
    made.get(name).update(model);
  };
}

function panel(name) {
  const facts = h("p", { class: "note" });
  const why = h("p", { class: "bad" });
  const charts = {
    rate: chart("Requests a second", number),
    latency: chart("Latency", duration),
    batch: chart("Rows in a batch", number),
    queue: chart("Wait in the queue", duration),
  };
  const report = h("div", { class: "report" });
  const rollout = rolloutSection(name);
  const account = accounting();
  let told = null;
  const node = h(
    "div",
    {},
    h("h2", {}, name),
    h("p", { class: "soft" }, known.cards[name].title),
    facts,
    why,
    rollout.node,
    h(
      "div",
      { class: "sides" },
      h(
        "div",
        { class: "charts" },
        Object.values(charts).map((one) => one.node),
      ),
      tryIt(name, known.cards[name]),
      report,
    ),
  );

  function update(model) {
    say(
      facts,
      ["version " + (model.version ?? NOTHING), model.framework, model.engine, model.device]
        .filter(Boolean)
        .join(" · "),
    );
    say(why, model.ready ? "" : `Not ready: ${model.why ?? "it does not say why"}`);
    rollout.update(known.rollouts[name]);
    draw(charts, name);
    const newest = known.reports[name];
    if (newest !== told) put(report, newest ? sections(newest, model, account.node) : off());
    account.update(known.looks.at(-1)?.models[name]);
    told = newest;
  }
  return { node, update };
}

const off = () =>
  h(
    "p",
    { class: "note" },
    known.monitored ? "Reading the profiles." : "Monitoring is switched off in the configuration.",
  );

const sections = (report, model, account) => [
  drift(report),
  h("div", { class: "facts" }, account, quality(report), versions(report, model)),
];

function draw(charts, name) {
  const found = lines(name);
  const now = figures(name) ?? {};
  const bad = found.bad.at(-1)?.[1];
  const said = (value, words) => (value === null || value === undefined ? "" : words);
  charts.rate.update(
    [
      { kind: "strong", points: found.rate, said: said(now.rate, number(now.rate)) },
      {
        kind: "wrong",
        points: found.bad.some(([, rate]) => rate) ? found.bad : [],
        said: bad ? `${number(bad)} refused or failed` : "",
      },
    ],
    QUIET,
  );
  charts.latency.update(
    [
      { kind: "strong", points: found.p50, said: said(now.p50, `median ${duration(now.p50)}`) },
      { kind: "weak", points: found.p99, said: said(now.p99, `99 % ${duration(now.p99)}`) },
    ],
    QUIET,
  );
  charts.batch.update(
    [{ kind: "strong", points: found.batch, said: said(now.batch, `mean ${number(now.batch)}`) }],
    QUIET,
  );
  const waiting = said(now.waiting, `${plural(now.waiting ?? 0, "row")} now`);
  charts.queue.update(
    [
      {
        kind: "strong",
        points: found.queue,
        said: [said(now.queue, `99 % ${duration(now.queue)}`), waiting].filter(Boolean).join(", "),
      },
    ],
    QUIET,
  );
}
