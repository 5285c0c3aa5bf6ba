// The scenarios that come with the simulator, and why each is there.

import { byId, h, setText } from "./dom.js";
import { same } from "./same.js";

export class Presets {
  #select = byId("preset");

  constructor(app, load) {
    this.app = app;
    this.#select.append(...app.presets.map((one) => h("option", { value: one.name }, one.title)),
      h("option", { value: "", disabled: true, hidden: true }, "changed"));
    this.#select.addEventListener("change", () => {
      const preset = app.presets.find((one) => one.name === this.#select.value);
      if (preset) load(preset);
    });
    app.on("session", () => this.show());
  }

  show() {
    const { app } = this;
    const preset = app.presets.find((one) => one.name === app.preset);
    const changed = preset && !same(preset.session, app.session);
    this.#select.value = preset ? preset.name : "";
    setText(byId("preset-title"), preset ? preset.title : "A run of your own");
    setText(byId("why"), preset ? preset.why : "Its whole configuration is in the address of this page.");
    byId("changed").hidden = !changed;
  }
}
