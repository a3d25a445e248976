// What this page knows, and the round that refreshes it: every two seconds, and never while the page is hidden.

import { Refused, json, text } from "./asking.js";
import { digest } from "./counting.js";

export const EVERY = 2_000;
export const KEPT = 300_000;

export const known = {
  cards: {},
  models: [],
  looks: [], // digests of the last five minutes, the oldest first
  reports: {},
  rollouts: {},
  monitored: true,
  locked: false,
  lost: null, // since when the service does not answer
};

let timer = 0;
let turn = 0;
let running = false;
let tell = () => {};

export function begin(listener) {
  tell = listener;
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : round()));
  return round();
}

/** Look again now, for example with a key. */
export async function round() {
  clearTimeout(timer);
  if (running || document.hidden) return;
  running = true;
  try {
    await look();
    known.locked = false;
    known.lost = null;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) known.locked = true;
    else known.lost ??= Date.now();
  } finally {
    running = false;
  }
  tell(known);
  // Without a key every round would be refused: the next round starts when a key is given.
  if (!known.locked && !document.hidden) timer = setTimeout(round, EVERY);
}

async function look() {
  const first = known.models.length === 0;
  if (first) known.cards = await json("console/cards.json");
  const [exposition, { models }] = await Promise.all([text("metrics"), json("v1/models")]);
  const now = Date.now();
  const changed = models.filter((model) => status(model) !== status(known.models.find((one) => one.name === model.name)));
  known.models = models;
  known.looks = [...known.looks.filter((one) => one.at > now - KEPT), digest(exposition, now)];
  if (first) tell(known);
  // A report reads files: each round asks for one model's, and for those whose status changed; the first for all.
  for (const name of new Set([...changed, models[turn++ % models.length]].map((model) => model.name))) {
    if (!document.hidden) await read(name);
  }
  for (const { name } of models) {
    if (!document.hidden && known.rollouts[name]?.rollout?.active) await rollout(name);
  }
}

const status = (model) => JSON.stringify([model?.ready, model?.version, model?.why]);

/** Read what is known of one model again, and show it. */
export async function refresh(name) {
  await read(name);
  tell(known);
}

const read = (name) => Promise.all([report(name), rollout(name)]);

async function rollout(name) {
  known.rollouts[name] = await json(`v1/models/${name}/rollout`);
}

async function report(name) {
  if (!known.monitored) return;
  try {
    known.reports[name] = await json(`v1/monitoring/${name}`);
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) throw error;
    known.monitored = false; // monitoring is switched off in the configuration
  }
}

/** The newest look and the one `seconds` before it, or the nearest that there is; null with fewer than two. */
export function span(seconds) {
  const newest = known.looks.at(-1);
  const older = known.looks.findLast((one) => newest.at - one.at >= 1000 * seconds) ?? known.looks[0];
  return newest && older !== newest ? [older, newest] : null;
}
