// Form fields from a row's JSON schema. Nothing here knows a model: names, ranges, choices and words are the card's.

import { h } from "./element.js";
import { number, plain } from "./words.js";

let made = 0;

/** One field: `{ node, read, write, complain }`; `read` gives undefined for what was left empty and may not be. */
export function field(name, schema, whole) {
  const { shape, optional } = resolved(schema, whole);
  const id = `field-${++made}`;
  const input = control(shape, optional, id);
  const hint = told(schema, shape, optional);
  const error = h("span", { class: "bad", id: `${id}-error` });
  const node = h(
    "div",
    { class: shape.type === "string" && !shape.enum ? "field long" : "field" },
    h("label", { for: id }, plain(name)),
    input,
    h("span", { class: "note", id: `${id}-hint` }, hint),
    error,
  );
  input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  return {
    name,
    node,
    input,
    read: () => value(input.value, shape, optional),
    write: (given) => {
      input.value = given === null || given === undefined ? "" : written(given, shape);
    },
    complain(words) {
      error.textContent = words;
      if (words) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
  };
}

function resolved(schema, whole) {
  if (schema.$ref)
    return resolved(
      schema.$ref
        .split("/")
        .slice(1)
        .reduce((part, key) => part[key], whole),
      whole,
    );
  const kinds = schema.anyOf ?? [schema];
  const shape = kinds.find((kind) => kind.type !== "null") ?? {};
  return {
    shape: shape.$ref ? resolved(shape, whole).shape : shape,
    optional: kinds.some((kind) => kind.type === "null"),
  };
}

function control(shape, optional, id) {
  const choices =
    shape.enum ??
    (shape.const === undefined ? null : [shape.const]) ??
    (shape.type === "boolean" ? [true, false] : null);
  if (choices) {
    return h(
      "select",
      { id },
      optional ? h("option", { value: "" }, "not known") : null,
      choices.map((choice) => h("option", { value: JSON.stringify(choice) }, String(choice))),
    );
  }
  if (shape.type === "number" || shape.type === "integer") {
    return h("input", {
      id,
      type: "number",
      inputmode: "decimal",
      step: shape.type === "integer" ? 1 : "any",
      min: shape.minimum ?? shape.exclusiveMinimum,
      max: shape.maximum ?? shape.exclusiveMaximum,
    });
  }
  if ((shape.maxLength ?? Infinity) <= 100) return h("input", { id, type: "text", maxlength: shape.maxLength });
  return h("textarea", { id, rows: 4, maxlength: shape.maxLength });
}

const isChoice = (shape) => shape.enum || shape.const !== undefined || shape.type === "boolean";

const written = (given, shape) => (isChoice(shape) ? JSON.stringify(given) : String(given));

function value(text, shape, optional) {
  if (shape.type === "string" && !isChoice(shape)) return text;
  if (text === "") return optional ? null : undefined;
  return isChoice(shape) ? JSON.parse(text) : Number(text);
}

function told(schema, shape, optional) {
  const low = shape.minimum ?? shape.exclusiveMinimum;
  const high = shape.maximum ?? shape.exclusiveMaximum;
  const words = [];
  if (schema.description) words.push(schema.description);
  if (low !== undefined && high !== undefined)
    words.push(`${shape.exclusiveMinimum === undefined ? "" : "above "}${number(low)} to ${number(high)}`);
  if (shape.type === "string" && !shape.enum && shape.maxLength)
    words.push(`up to ${number(shape.maxLength)} characters`);
  if (optional && !/null/.test(schema.description ?? "")) words.push("empty: not known");
  return words.join("; ");
}
