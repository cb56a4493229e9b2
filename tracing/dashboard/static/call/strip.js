import { colours, draw } from "./waveform.js";

/** Both voices over the waterfall, on its time line. */
export class Strip {
  /**
   * @param {import("./fall.js").Fall} fall
   * @param {() => {both: import("./waveform.js").Lanes, together: import("./waveform.js").Stretch[]}} sound of the whole call
   */
  constructor(fall, sound) {
    this.fall = fall;
    this.sound = sound;
    this.canvas = /** @type {HTMLCanvasElement} */ (fall.section.querySelector(".strip canvas"));
    this.colours = colours(this.canvas);
    this.painted = -1;
    fall.followers.push(() => this.draw());
    this.recolour = () => {
      this.colours = colours(this.canvas);
      this.draw();
    };
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    document.addEventListener("themechange", this.recolour);
    this.scheme.addEventListener("change", this.recolour);
  }

  close() {
    document.removeEventListener("themechange", this.recolour);
    this.scheme.removeEventListener("change", this.recolour);
  }

  draw() {
    this.painted = -1;
    this.tick();
  }

  /** What was played stands out, as in the picture of the whole call. */
  tick() {
    const { callStarted } = this.fall.facts;
    const view = { from: this.fall.view.from - callStarted, to: this.fall.view.to - callStarted };
    const at = (this.fall.now - view.from) / (view.to - view.from);
    const column = Math.round((Math.min(1, Math.max(0, at)) * this.canvas.clientWidth) / 3);
    if (column === this.painted) return;
    this.painted = column;
    const { both, together } = this.sound();
    draw(this.canvas, both, together, view, this.colours, at);
  }
}
