// The figures of one model, from the looks at its counters.

import { between, mean, quantile } from "./counting.js";
import { known, span } from "./watching.js";

const RATE_OVER = 10;
const SPREAD_OVER = 60;
const SMOOTH = 5; // a point of a chart stands for the last five looks: ten seconds

export function figures(name) {
  const now = span(RATE_OVER);
  const minute = span(SPREAD_OVER);
  if (!now || !minute) return null;
  const done = between(...now, name);
  const { seconds, batch, queue } = between(...minute, name);
  return {
    rate: done.requests / done.span,
    p50: quantile(seconds, 0.5),
    p99: quantile(seconds, 0.99),
    batch: mean(batch),
    queue: quantile(queue, 0.99),
    waiting: now[1].models[name]?.waiting,
  };
}

/** Five minutes as lines of points. */
export function lines(name) {
  const found = { rate: [], bad: [], p50: [], p99: [], batch: [], queue: [] };
  known.looks.forEach((newer, place) => {
    const older = known.looks[Math.max(0, place - SMOOTH)];
    if (older === newer) return;
    const done = between(older, newer, name);
    const add = (line, value) => found[line].push([newer.at, value]);
    add("rate", done.requests / done.span);
    add("bad", (done.requests - (done.outcomes.ok ?? 0)) / done.span);
    add("p50", quantile(done.seconds, 0.5));
    add("p99", quantile(done.seconds, 0.99));
    add("batch", mean(done.batch));
    add("queue", quantile(done.queue, 0.99));
  });
  return found;
}
