// The form to try a model, made from its card, and the answer.

import { answer } from "./answering.js";
import { Refused, ask } from "./asking.js";
import { h, put } from "./element.js";
import { field } from "./fields.js";
import { exampleFile, pictureField } from "./pictures.js";

export function tryIt(name, card) {
  const told = h("div", { class: "answer", "aria-live": "polite" });
  const body = card.media === "files" ? files(card) : rows(card);
  const button = h("button", { class: "main" }, "Predict");
  const examples = card.examples.map((example, place) =>
    h("button", { type: "button", onclick: () => body.fill(example, place) }, `Example ${place + 1}`),
  );
  body.fill(card.examples[0], 0);

  async function send(event) {
    event.preventDefault();
    body.complain([]);
    const request = body.request();
    if (!request) return put(told, h("p", { class: "bad" }, "Choose a picture first."));
    button.disabled = true;
    try {
      const reply = await ask(card.predict, { method: "POST", ...request });
      put(told, ...(await answer(name, card, await reply.json(), reply.headers.get("server-timing") ?? "")));
    } catch (error) {
      put(told, ...refusal(error, body.complain(error.problem?.errors ?? [])));
    } finally {
      button.disabled = false;
    }
    return undefined;
  }

  return h(
    "section",
    { class: "try" },
    h("h3", {}, "Try it"),
    h(
      "form",
      { novalidate: true, onsubmit: send },
      h("div", { class: "fields" }, body.nodes),
      h("div", { class: "buttons" }, button, examples),
    ),
    told,
  );
}

/** Complaints that fit no field are shown below the form. */
function refusal(error, rest) {
  const status = error instanceof Refused ? ` (${error.status})` : "";
  const words = error instanceof Refused ? error.message : "The service did not answer.";
  return [h("p", { class: "bad" }, `${words}${status}`), ...rest.map((one) => h("p", { class: "bad" }, one))];
}

function rows(card) {
  const fields = Object.entries(card.row.properties).map(([name, schema]) => field(name, schema, card.row));
  return {
    nodes: fields.map((one) => one.node),
    fill: (example) =>
      fields.forEach((one) => {
        one.write(example[one.name]);
        one.complain("");
      }),
    request() {
      const row = Object.fromEntries(fields.map((one) => [one.name, one.read()]));
      return { headers: { "content-type": "application/json" }, body: JSON.stringify({ inputs: [row] }) };
    },
    complain(errors) {
      const rest = [];
      fields.forEach((one) => one.complain(""));
      for (const { loc, msg } of errors) {
        const guilty = fields.find((one) => one.name === loc[2]);
        if (guilty) guilty.complain(msg);
        else rest.push(msg);
      }
      fields.find((one) => one.input.hasAttribute("aria-invalid"))?.input.focus();
      return rest;
    },
  };
}

function files(card) {
  const picture = pictureField();
  return {
    nodes: [picture.node],
    fill: (example, place) => picture.show(exampleFile(example, `example ${place + 1}`)),
    request() {
      if (!picture.file()) return null;
      const form = new FormData();
      form.append("inputs", picture.file());
      return { body: form };
    },
    complain: (errors) => errors.map((error) => error.msg),
  };
}
