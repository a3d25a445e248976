// The alarms, as the service's own reports say them: nothing is judged here.

import { h, put } from "./element.js";
import { known } from "./watching.js";

function alarms() {
  const found = new Map();
  for (const model of known.models) {
    for (const alarm of known.reports[model.name]?.alarms ?? []) {
      // An alarm of the whole service is in every model's report.
      found.set(alarm.of_service ? alarm.name : `${alarm.name} ${alarm.summary}`, alarm);
    }
  }
  const critical = (alarm) => Number(alarm.severity === "critical");
  return [...found.values()].sort((one, other) => critical(other) - critical(one));
}

/** Drawn again only when something changed, so that a screen reader says each alarm once. */
export function alarmList(node) {
  let shown = "";
  return () => {
    const found = alarms();
    const key = JSON.stringify(found);
    if (key !== shown) put(node, [...Map.groupBy(found, (one) => one.name).values()].map(entry));
    shown = key;
    return found.length;
  };
}

/** Alarms with the same advice stand together. */
const entry = (alike) =>
  h(
    "article",
    { class: `alarm ${alike[0].severity}` },
    alike.map((one) => h("p", {}, one.summary)),
    h("p", { class: "note" }, alike[0].advice, " Runbook: ", alike[0].runbook, "."),
  );
