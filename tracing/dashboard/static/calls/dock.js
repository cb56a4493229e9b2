import { byId } from "../lib/dom.js";
import { clock } from "../lib/format.js";

/** The one player of the list, at the foot of the page: a call plays while the reader goes on. */
export class Dock {
  /** @param {() => void} changed told when another call plays, or none */
  constructor(changed) {
    this.changed = changed;
    this.box = byId("dock");
    this.audio = /** @type {HTMLAudioElement} */ (byId("preview"));
    this.seeker = /** @type {HTMLInputElement} */ (byId("dock-seek"));
    this.play = byId("dock-play");
    this.call = "";
    this.play.addEventListener("click", () => this.toggle());
    byId("dock-close").addEventListener("click", () => this.close());
    this.seeker.addEventListener("input", () => this.seek(Number(this.seeker.value)));
    for (const kind of ["play", "pause", "ended"]) this.audio.addEventListener(kind, () => this.#state());
    for (const kind of ["timeupdate", "seeked", "durationchange"]) this.audio.addEventListener(kind, () => this.#tell());
    this.audio.addEventListener("error", () => this.#failed());
  }

  get playing() {
    return this.call !== "" && !this.audio.paused && !this.audio.ended;
  }

  /** Play a call, or pause it when it plays. @param {string} call @param {string} url @param {string} words */
  open(call, url, words) {
    if (call === this.call) return this.toggle();
    this.call = call;
    this.box.hidden = false;
    document.documentElement.classList.add("docked");
    const link = byId("dock-call");
    link.textContent = words;
    link.href = `/traces/calls/${encodeURIComponent(call)}`;
    this.audio.src = url;
    this.toggle();
  }

  toggle() {
    if (this.call === "") return;
    if (this.playing) this.audio.pause();
    else this.audio.play().catch(() => {});
  }

  /** @param {number} seconds */
  seek(seconds) {
    const end = Number.isFinite(this.audio.duration) ? this.audio.duration : 0;
    this.audio.currentTime = Math.min(Math.max(0, seconds), end);
    this.#tell();
  }

  /** @param {number} seconds */
  skip(seconds) {
    if (this.call !== "") this.seek(this.audio.currentTime + seconds);
  }

  close() {
    const opener = document.querySelector(`[data-call="${CSS.escape(this.call)}"] [data-play]`);
    const hadFocus = this.box.contains(document.activeElement);
    this.call = "";
    this.audio.removeAttribute("src");
    this.audio.load();
    this.box.hidden = true;
    document.documentElement.classList.remove("docked");
    if (hadFocus) /** @type {HTMLElement | null} */ (opener)?.focus();
    this.#state();
  }

  #state() {
    this.play.classList.toggle("playing", this.playing);
    this.play.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.changed();
  }

  #tell() {
    const length = Number.isFinite(this.audio.duration) ? this.audio.duration : 0;
    const now = this.audio.currentTime;
    this.seeker.max = String(length);
    this.seeker.value = String(now);
    this.seeker.setAttribute("aria-valuetext", clock(now));
    byId("dock-now").textContent = clock(now);
    byId("dock-length").textContent = clock(length);
  }

  #failed() {
    if (!this.audio.getAttribute("src")) return;
    byId("dock-call").textContent = "This call has no audio that can be played.";
    this.#state();
  }
}
