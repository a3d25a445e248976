// The console: everything is drawn from what `watching.js` knows, after each of its rounds.

import { alarmList } from "./alarms.js";
import { useKey } from "./asking.js";
import { panels } from "./chosen.js";
import { say } from "./element.js";
import { figures } from "./figures.js";
import { modelTable } from "./models.js";
import { EVERY, begin, known, refresh, round } from "./watching.js";
import { clock, list, number, plural } from "./words.js";

const place = (id) => document.getElementById(id);
const drawAlarms = alarmList(place("alarms"));
const drawModels = modelTable(place("models"));
const drawChosen = panels(place("chosen"));

function chosen() {
  const named = decodeURIComponent(location.hash.slice(1));
  return known.models.some((model) => model.name === named) ? named : (shownLast ?? known.models[0]?.name);
}
let shownLast = null;

function draw() {
  const many = drawAlarms();
  say(place("lead"), lead(many));
  say(place("basis"), basis());
  say(place("when"), known.looks.length ? clock(known.looks.at(-1).at) : "");
  place("key").hidden = !known.locked;
  document.body.classList.toggle("lost", Boolean(known.lost));
  shownLast = chosen() ?? null;
  drawModels(shownLast);
  drawChosen(shownLast);
}

function lead(many) {
  if (known.locked) return "This service asks for an API key";
  if (known.lost) return "The service does not answer";
  const off = known.models.filter((model) => !model.ready).map((model) => model.name);
  const serving = known.models.length - off.length;
  const models = off.length
    ? `${serving} of ${known.models.length} models serve, ${list(off)} not`
    : `All ${plural(serving, "model")} serve`;
  return many ? `${models}; ${plural(many, "alarm")}` : models;
}

function basis() {
  if (known.locked) return "The key stays in this tab's memory: it is stored nowhere and gone when the tab is closed.";
  if (known.lost)
    return `No answer since ${clock(known.lost)}. What is shown is older; this page goes on asking every ${EVERY / 1000} seconds.`;
  const rates = known.models.map((model) => figures(model.name)?.rate);
  if (rates.includes(undefined)) return "Counting the first requests.";
  return `${number(rates.reduce((sum, rate) => sum + rate, 0))} requests a second over all models.`;
}

addEventListener("hashchange", async () => {
  draw();
  if (shownLast) await refresh(shownLast).catch(() => {});
});
place("key").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(place("key-field").value);
  place("key-field").value = "";
  round();
});
begin(draw);
