// From the text of /metrics, which is of the whole service, to the few numbers a model that this page shows.

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES = { "\\n": "\n", '\\"': '"', "\\\\": "\\" };

/** Every series of the exposition: `{ name, labels, value }`. */
export function* series(text) {
  for (const line of text.split("\n")) {
    const found = line.startsWith("#") ? null : LINE.exec(line);
    if (!found) continue;
    const labels = {};
    for (const [, label, value] of (found[2] ?? "").matchAll(LABEL)) {
      labels[label] = value.replace(/\\./g, (escape) => ESCAPES[escape] ?? escape);
    }
    yield { name: found[1], labels, value: found[3] === "+Inf" ? Infinity : Number(found[3]) };
  }
}

const HISTOGRAMS = { jubako_request_seconds: "seconds", jubako_batch_rows: "batch", jubako_queue_seconds: "queue" };

function empty() {
  const spread = () => ({ bounds: [], below: [], sum: 0, count: 0 });
  return {
    outcomes: {},
    faults: {},
    rows: 0,
    profile: {},
    pending: 0,
    waiting: 0,
    room: Infinity,
    seconds: spread(),
    batch: spread(),
    queue: spread(),
  };
}

/** One look at the counters: `{ at, models: { iris: … }, troubles: { failed_writes: 0 } }`. */
export function digest(exposition, at) {
  const models = {};
  const troubles = {};
  for (const { name, labels, value } of series(exposition)) {
    if (name === "jubako_monitoring_troubles_total") troubles[labels.kind] = value;
    if (!name.startsWith("jubako_") || labels.model === undefined) continue;
    take((models[labels.model] ??= empty()), name, labels, value);
  }
  return { at, models, troubles };
}

function take(model, name, labels, value) {
  if (name === "jubako_requests_total") model.outcomes[labels.outcome] = value;
  else if (name === "jubako_runner_faults_total") model.faults[labels.fault] = value;
  else if (name === "jubako_rows_total") model.rows = value;
  else if (name === "jubako_profile_rows_total") model.profile[labels.state] = value;
  else if (name === "jubako_profile_rows_pending") model.pending = value;
  else if (name === "jubako_queue_rows") model.waiting = value;
  else if (name === "jubako_queue_rows_limit") model.room = value;
  else {
    const [, base, part] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? [];
    const spread = model[HISTOGRAMS[base]];
    if (!spread) return;
    if (part !== "bucket") spread[part] = value;
    else {
      spread.bounds.push(labels.le === "+Inf" ? Infinity : Number(labels.le));
      spread.below.push(value);
    }
  }
}

export const total = (counts) => Object.values(counts).reduce((sum, value) => sum + value, 0);

/** What was counted since `older`; a counter that went back began again at 0. */
const grown = (newer, older) => (newer >= older ? newer - older : newer);

const grownEach = (newer, older) =>
  Object.fromEntries(Object.entries(newer).map(([key, value]) => [key, grown(value, older[key] ?? 0)]));

function grownSpread(newer, older) {
  if (newer.count < older.count) return newer;
  return {
    bounds: newer.bounds,
    below: newer.below.map((value, place) => value - (older.below[place] ?? 0)),
    sum: newer.sum - older.sum,
    count: newer.count - older.count,
  };
}

/** What one model did between two digests. */
export function between(older, newer, name) {
  const before = older.models[name] ?? empty();
  const after = newer.models[name] ?? empty();
  const outcomes = grownEach(after.outcomes, before.outcomes);
  return {
    span: (newer.at - older.at) / 1000,
    outcomes,
    requests: total(outcomes),
    rows: grown(after.rows, before.rows),
    faults: grownEach(after.faults, before.faults),
    profile: grownEach(after.profile, before.profile),
    seconds: grownSpread(after.seconds, before.seconds),
    batch: grownSpread(after.batch, before.batch),
    queue: grownSpread(after.queue, before.queue),
  };
}

/** The value below which a share of a histogram lies, straight between its bounds, as Prometheus says it. */
export function quantile(spread, share) {
  if (!(spread.count > 0)) return null;
  const rank = share * spread.count;
  const place = spread.below.findIndex((value) => value >= rank);
  const upper = spread.bounds[place];
  if (place === -1 || upper === Infinity) return spread.bounds.filter(Number.isFinite).at(-1) ?? null;
  const lower = place ? spread.bounds[place - 1] : 0;
  const before = place ? spread.below[place - 1] : 0;
  return lower + ((upper - lower) * (rank - before)) / (spread.below[place] - before || 1);
}

export const mean = (spread) => (spread.count > 0 ? spread.sum / spread.count : null);
