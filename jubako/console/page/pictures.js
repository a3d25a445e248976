// A picture that is dropped in, chosen or pasted, and shown as it will be sent.

import { h, put, say } from "./element.js";
import { number, plural } from "./words.js";

const KINDS = "image/png,image/jpeg,image/webp,image/bmp";

/** `{ node, file(), show(file) }` */
export function pictureField() {
  let chosen = null;
  let address = "";
  const input = h("input", {
    type: "file",
    class: "hidden",
    accept: KINDS,
    id: "picture",
    "aria-describedby": "picture-hint",
  });
  const shown = h("span", { class: "preview" });
  const hint = h("span", { class: "note", id: "picture-hint" }, "PNG, JPEG, WebP or BMP");
  const zone = h(
    "label",
    { class: "drop", for: "picture" },
    shown,
    h("span", { class: "soft" }, "Drop a picture here, or choose one"),
    input,
  );

  function show(file) {
    if (!file) return;
    chosen = file;
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(file);
    put(shown, h("img", { src: address, alt: "" }));
    say(hint, `${file.name}, ${file.size < 2048 ? plural(file.size, "byte") : `${number(file.size / 1024)} kB`}`);
  }

  input.addEventListener("change", () => show(input.files[0]));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  for (const end of ["dragleave", "drop"]) zone.addEventListener(end, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    show(event.dataTransfer.files[0]);
  });
  return { node: h("div", { class: "field long" }, zone, hint), file: () => chosen, show };
}

/** A card's example, which is base64 for addresses, as a file. */
export function exampleFile(example, name) {
  const text = Object.values(example)[0].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new File([bytes], name);
}
