// What somebody should act on, derived from what the service itself says, with what to do and where that is described.

import { between } from "./counting.js";
import { h, put } from "./element.js";
import { known, span } from "./watching.js";
import { count, list, number, plain, plural } from "./words.js";

const RUNBOOK = "docs/operations.md";
const LATELY = 300;
const FEW_TRUTHS = 200; // fewer say too little about quality

export function alarms() {
  const lately = span(LATELY);
  return [
    ...known.models.flatMap((model) => [
      ...notReady(model),
      ...filling(model.name, known.looks.at(-1)?.models[model.name]),
      ...(lately ? failing(model.name, between(...lately, model.name)) : []),
      ...(known.reports[model.name] ? reported(known.reports[model.name]) : []),
    ]),
    ...monitoring(known.looks.at(-1)),
  ];
}

const alarm = (model, what, advice, runbook) => ({ model, what, advice, runbook });

function notReady(model) {
  const why = model.why ? `: ${model.why}` : "";
  if (model.ready) {
    return why
      ? [
          alarm(
            model.name,
            `serves ${model.version}, but has something to say${why}.`,
            "A version that is refused leaves the one before in place. Roll the pointer back, or mend what it complains of.",
            "JubakoVersionRefused",
          ),
        ]
      : [];
  }
  return [
    alarm(
      model.name,
      `is not ready${why}.`,
      "Its requests are answered with 503. A crashed runner is back in seconds; if the reason stays, mend that, or roll back.",
      "JubakoRunnerDown",
    ),
  ];
}

function filling(name, model) {
  if (!model || model.waiting <= model.room / 2) return [];
  return [
    alarm(
      name,
      `has ${plural(model.waiting, "row")} waiting; from ${count(model.room)} on, requests are refused.`,
      "Send less, or give this model more workers.",
      "JubakoQueueFilling",
    ),
  ];
}

const OUTCOMES = {
  failed: [
    "failed with our fault",
    "Search the log for their request ids; a runner that dies says why in its last lines.",
    "JubakoErrorsFast",
  ],
  overloaded: [
    "refused because more came than can be answered in time",
    "Send less, or give this model more workers.",
    "JubakoRefusing",
  ],
  late: [
    "had no answer before their deadline",
    "The runner hangs or is too slow: look at its queue, give it more workers, or send smaller requests.",
    "JubakoErrorsFast",
  ],
};

function* failing(name, done) {
  for (const [outcome, [what, advice, runbook]] of Object.entries(OUTCOMES)) {
    const many = done.outcomes[outcome] ?? 0;
    if (many) yield alarm(name, `${plural(many, "request")} of the last five minutes ${what}.`, advice, runbook);
  }
  const gone = done.faults.runner_gone ?? 0;
  if (gone) {
    yield alarm(
      name,
      `${plural(gone, "call")} of the last five minutes lost the runner.`,
      "Their rows were asked for again, so callers need not have noticed. Look in the log for why it went.",
      "JubakoRestarting",
    );
  }
}

function* reported(report) {
  const drifted = report.columns.filter((column) => column.state === "drifted").map((column) => column.column);
  if (drifted.length) {
    yield alarm(
      report.model,
      `${list(drifted)} drifted: the newest rows differ from those of the training.`,
      "Look at them with: jubako drift --html drift.html. Mend what sends such rows, or train again with newer ones.",
      "JubakoDrift",
    );
  }
  const lost = report.accounting.dropped + report.accounting.killed;
  if (lost) {
    yield alarm(
      report.model,
      `${plural(lost, "answered row")} never reached a profile.`,
      "Predictions are not touched, but drift sees less than all. A full buffer or a killed process does this.",
      "JubakoProfileLoss",
    );
  }
  yield* worse(report);
}

function* worse(report) {
  const gate = known.cards[report.model]?.gate;
  const [quality] = report.quality;
  const live = quality?.metrics[gate?.metric];
  const trained = quality?.trained[gate?.metric];
  if (live === undefined || trained === undefined || quality.joined < FEW_TRUTHS) return;
  const loss = gate.lower_is_better ? live - trained : trained - live;
  if (loss <= gate.tolerance) return;
  yield alarm(
    report.model,
    `${plain(gate.metric)} is ${number(live)} on ${count(quality.joined)} live truths; it was ${number(trained)} in training.`,
    "Look for drift first. Roll back when an older version was better, or train on newer rows.",
    "JubakoLiveQualityDrop",
  );
}

function monitoring(look) {
  const wrong = Object.entries(look?.troubles ?? {}).filter(([, many]) => many);
  if (!wrong.length) return [];
  const told = wrong.map(([kind, many]) => `${count(many)} ${plain(kind)}`);
  return [
    alarm(
      "monitoring",
      `had trouble: ${list(told)}.`,
      "Look at the disk under JUBAKO_HOME (space, permissions) and at the log. Predictions are not touched.",
      "JubakoMonitoringTrouble",
    ),
  ];
}

/** Drawn again only when something changed, so that a screen reader says each alarm once. */
export function alarmList(node) {
  let shown = "";
  return () => {
    const found = alarms();
    const key = JSON.stringify(found);
    if (key !== shown) put(node, [...Map.groupBy(found, (one) => one.advice).values()].map(entry));
    shown = key;
    return found.length;
  };
}

/** What wants the same done stands together. */
const entry = (alike) =>
  h(
    "article",
    { class: "alarm" },
    alike.map((one) => h("p", {}, h("b", {}, one.model), " ", one.what)),
    h("p", { class: "note" }, alike[0].advice, " Runbook: ", RUNBOOK, ", “", alike[0].runbook, "”."),
  );
