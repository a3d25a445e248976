// An answer: the prediction, where its time went, and its lineage.

import { lineage } from "./asking.js";
import { h, wide } from "./element.js";
import { duration, moment, number, percent, plain } from "./words.js";

export async function answer(name, card, told, timing) {
  const [prediction] = told.predictions;
  const from = await lineage(name, told.model.version).catch(() => null);
  return [...values(card, prediction), times(timing), origin(prediction.id, told, from)];
}

function values(card, prediction) {
  return Object.entries(prediction)
    .filter(([key]) => key !== "id")
    .map(([key, value], place) => {
      if (value !== null && typeof value === "object") return bars(value);
      const share = typeof value === "number" && card.answers[key]?.low >= 0 && card.answers[key]?.high === 1;
      if (share) return bars({ [plain(key)]: value });
      const text =
        typeof value === "number" ? number(value) : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
      return h("p", { class: place ? "" : "told" }, h("span", { class: "soft" }, plain(key)), " ", h("b", {}, text));
    });
}

/** Probabilities, the most likely first. */
function bars(shares) {
  const sorted = Object.entries(shares).sort(([, one], [, other]) => other - one);
  return h(
    "ul",
    { class: "shares" },
    sorted.map(([label, share]) =>
      h(
        "li",
        {},
        h("span", {}, label),
        h("span", { class: "bar" }, wide(h("i", {}), share)),
        h("span", { class: "n" }, percent(share)),
      ),
    ),
  );
}

const PARTS = { queue: "waiting", batch: "to the runner and back", model: "the model", rest: "reading and checking" };

/** Server-Timing as one bar. What its parts leave of the total is the gateway's own work. */
function times(header) {
  const parts = Object.fromEntries(
    [...header.matchAll(/(\w+);dur=([\d.]+)/g)].map(([, part, value]) => [part, Number(value)]),
  );
  if (!parts.total) return null;
  parts.rest = Math.max(0, parts.total - (parts.queue ?? 0) - (parts.batch ?? 0) - (parts.model ?? 0));
  const shown = Object.keys(PARTS).filter((part) => parts[part] !== undefined);
  return h(
    "div",
    { class: "times" },
    h("p", {}, h("span", { class: "soft" }, "answered in "), h("b", {}, duration(parts.total / 1000))),
    h(
      "div",
      { class: "stack", "aria-hidden": "true" },
      shown.map((part) => wide(h("i", { class: `part-${part}` }), parts[part] / parts.total)),
    ),
    h(
      "ul",
      { class: "legend" },
      shown.map((part) =>
        h(
          "li",
          {},
          h("i", { class: `part-${part}` }),
          PARTS[part],
          " ",
          h("span", { class: "n" }, duration(parts[part] / 1000)),
        ),
      ),
    ),
  );
}

function origin(id, told, from) {
  const metrics = Object.entries(from?.metrics ?? {})
    .slice(0, 4)
    .map(([metric, value]) => `${plain(metric)} ${number(value)}`);
  const facts = {
    id,
    version: `${told.model.name}:${told.model.version}`,
    request: told.request_id,
    "training run": from?.run_id,
    "git commit": from?.git_commit,
    "data sha256": from?.data_hash,
    "trained at": from && moment(from.trained_at),
    metrics: metrics.join(", "),
  };
  return h(
    "details",
    { class: "origin", open: true },
    h("summary", {}, "Where this answer comes from"),
    h(
      "dl",
      {},
      Object.entries(facts)
        .filter(([, value]) => value)
        .flatMap(([term, value]) => [
          h("dt", {}, term),
          h("dd", { class: ["metrics", "trained at"].includes(term) ? null : "code" }, value),
        ]),
    ),
  );
}
