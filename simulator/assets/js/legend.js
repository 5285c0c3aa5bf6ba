// The legend of the lanes, and how much time is shown.

import { byId, h, setText } from "./dom.js";
import { swatch } from "./lanes.js";
import { laneTitle } from "./session.js";

export class Legend {
  #host = byId("legend");
  #buttons = [];

  constructor(app) {
    this.app = app;
    app.on("session", () => this.show());
    app.on("toggle", () => this.show());
    const window = byId("window");
    window.value = app.view.window;
    window.addEventListener("change", () => {
      app.view.window = window.value;
      app.emit("zoom", null);
    });
    byId("unzoom").addEventListener("click", () => app.emit("zoom", null));
    const showView = () => {
      byId("unzoom").hidden = app.view.zoom === null;
      window.value = app.view.window;
      if (app.session) this.show();
    };
    app.on("view", showView);
    showView();
  }

  show() {
    const { app } = this;
    const count = app.session.lanes.length;
    if (this.#buttons.length !== count) {
      this.#buttons = Array.from({ length: count }, (_, lane) => {
        const name = h("span", {});
        const press = () => app.emit("toggle", `lane${lane}`);
        const button = h("button", { type: "button", class: `lane-toggle lane${lane}`, on: { click: press } }, swatch(lane), name);
        return { button, name };
      });
      this.#host.replaceChildren(...this.#buttons.map(({ button }) => button));
    }
    this.#buttons.forEach(({ button, name }, lane) => {
      setText(name, laneTitle(app.session, lane, app.player.head, app.titles));
      button.setAttribute("aria-pressed", String(!app.view.hidden.has(`lane${lane}`)));
    });
  }
}
