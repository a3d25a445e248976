// A model's rollout, as GET /v1/models/{model}/rollout says it: nothing is judged here.

import { Refused, decide, hasKey } from "./asking.js";
import { h, put, say } from "./element.js";
import { evidenceChart } from "./evidence.js";
import { refresh } from "./watching.js";
import { NOTHING, count, duration, moment, number, plain, plural } from "./words.js";

const MOST = 12;
const DAY = 86_400;
const percent = (share) => `${number(100 * share)}%`;

export function rolloutSection(name) {
  const summary = h("p", { class: "lead" });
  const judgement = h("p", { class: "note" });
  const rates = h("p", { class: "note" });
  const steps = h("ol", { class: "steps", "aria-label": "Steps" });
  const chart = evidenceChart();
  const facts = h("div", { class: "pair" });
  const history = h("div", { class: "decided" });
  const form = decisions(name);
  const more = h(
    "details",
    {},
    h("summary", {}, "Evidence, arms and history"),
    h("div", { class: "trial" }, chart.node, facts),
    history,
  );
  const node = h("section", { class: "rollout", hidden: true }, h("h3", {}, "Rollout"), summary, steps, judgement, rates, form.node, more);

  let told = "";
  function update(found) {
    const text = JSON.stringify(found ?? null);
    form.update(found);
    if (text === told) return;
    const first = !told || told === "null";
    told = text;
    node.hidden = !found?.rollout && !found?.damaged;
    if (node.hidden) return;
    say(summary, found.summary);
    summary.classList.toggle("bad", found.status === "rolled_back" || found.damaged);
    const rollout = found.rollout;
    more.hidden = !rollout;
    if (!rollout) return;
    if (first) more.open = rollout.active || Date.now() / 1000 - rollout.changed < DAY;
    say(judgement, rollout.active ? rollout.judgement : rollout.decision.why);
    say(rates, rollout.rates_hold ? "" : rollout.rates);
    put(steps, rollout.step.names.length > 1 && rollout.step.names.map((step, place) => stepItem(step, place, rollout)));
    chart.update(rollout);
    put(facts, arms(rollout), pairs(rollout));
    put(history, decided(found));
  }
  return { node, update };
}

function stepItem(step, place, rollout) {
  const { seconds, seconds_wanted, requests, requests_wanted, counted } = rollout.step;
  const here = place === rollout.step.number - 1;
  const has = `${count(seconds)} of ${count(seconds_wanted)} s, ${count(requests)} of ${count(requests_wanted)} ${counted}`;
  return h(
    "li",
    { class: place < rollout.step.number - 1 ? "done" : null, "aria-current": here ? "step" : null },
    h("b", {}, step),
    here && rollout.active && h("span", { class: "soft" }, ` ${has}`),
  );
}

function arms({ arms }) {
  const heads = ["arm", "share", "requests", "failed", "p50", "p90", "p99"];
  const lines = arms.map((arm) => [
    [arm.arm, h("span", { class: "version" }, arm.version)],
    arm.share === null ? NOTHING : percent(arm.share),
    count(arm.requests),
    arm.requests ? percent(arm.failed / arm.requests) : NOTHING,
    duration(arm.p50),
    duration(arm.p90),
    duration(arm.p99),
  ]);
  const dropped = arms.find((arm) => arm.arm === "shadow")?.dropped;
  return h(
    "div",
    {},
    h("h4", {}, "Arms"),
    table(heads, lines, (place) => place > 0),
    dropped ? h("p", { class: "note" }, `${plural(dropped, "row")} not given to the shadow: it is dropped first under load.`) : null,
  );
}

function pairs({ pairs }) {
  const { compared, disagreed, labelled, only_candidate_wrong, only_production_wrong, labels_wanted } = pairs;
  const lines = [
    ["rows that both answered", count(compared)],
    ["answers differ", compared ? `${count(disagreed)} (${percent(disagreed / compared)})` : NOTHING],
    ["labelled", `${count(labelled)} of ${count(labels_wanted)}`],
    ["only the candidate wrong", count(only_candidate_wrong)],
    ["only production wrong", count(only_production_wrong)],
  ];
  return h("div", {}, h("h4", {}, "Agreement and labels"), table(null, lines, (place) => place > 0));
}

function decided({ history }) {
  const newest = history.slice(-MOST).reverse();
  const lines = newest.map((one) => [moment(one.when), one.candidate, plain(one.what), percent(one.share), one.who, one.why]);
  const rest = history.length - newest.length;
  return [
    h("h4", {}, "Decisions"),
    table(["when", "candidate", "what", "share", "who", "why"], lines, (place) => place === 3),
    rest > 0 ? h("p", { class: "note" }, `${plural(rest, "older decision")} not shown.`) : null,
  ];
}

function table(heads, lines, isNumber) {
  const kind = (place) => ({ class: isNumber(place) ? "n" : null });
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      {},
      heads && h("thead", {}, h("tr", {}, heads.map((head, place) => h("th", { scope: "col", ...kind(place) }, head)))),
      h("tbody", {}, lines.map((line) => h("tr", {}, line.map((cell, place) => h("td", kind(place), cell))))),
    ),
  );
}

const POSSIBLE = {
  running: ["pause", "abort", "promote"],
  paused: ["resume", "abort", "promote"],
  undecided: ["resume", "abort", "promote"],
};

/** Made once, so that a reason which is being typed is not lost. */
function decisions(name) {
  const reason = h("input", { id: `why-${name}`, required: true, maxlength: 1000, autocomplete: "off" });
  const buttons = h("span", { class: "buttons" });
  const told = h("p", { class: "bad", role: "status" });
  const node = h(
    "form",
    { class: "decide", hidden: true, onsubmit: send },
    h("label", { for: `why-${name}` }, "Reason"),
    reason,
    buttons,
    told,
  );

  async function send(event) {
    event.preventDefault();
    say(told, "");
    try {
      await decide(name, event.submitter.value, reason.value);
      reason.value = "";
    } catch (error) {
      say(told, error instanceof Refused ? error.message : "The service did not answer.");
    }
    await refresh(name);
  }

  let shown = "";
  function update(found) {
    const possible = hasKey() ? (POSSIBLE[found?.status] ?? []) : [];
    node.hidden = !possible.length;
    if (shown !== possible.join()) put(buttons, possible.map((what) => h("button", { value: what }, what)));
    shown = possible.join();
  }
  return { node, update };
}
