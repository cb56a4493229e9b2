import { byId } from "../lib/dom.js";
import { clock } from "../lib/format.js";

/** The recording of the call, and the one clock that all pictures follow. */
export class Player {
  constructor() {
    this.audio = /** @type {HTMLAudioElement} */ (byId("audio"));
    this.button = /** @type {HTMLButtonElement} */ (byId("play"));
    /** @type {((now: number) => void)[]} */
    this.followers = [];
    /** Where to go once the recording can be sought. @type {number | null} */
    this.wanted = null;
    this.source = ""; // where the recording is by now; it grows while the call goes on
    this.audio.controls = false;
    byId("controls").hidden = false;
    this.button.addEventListener("click", () => this.toggle());
    byId("speed").addEventListener("change", (/** @type {any} */ event) => {
      this.audio.playbackRate = Number(event.target.value);
    });
    for (const kind of ["play", "pause", "ended"]) this.audio.addEventListener(kind, () => this.#state());
    this.audio.addEventListener("seeked", () => this.#tell());
    this.audio.addEventListener("timeupdate", () => this.#tell());
    this.audio.addEventListener("loadedmetadata", () => {
      if (this.wanted !== null) this.audio.currentTime = this.wanted;
      this.wanted = null;
      byId("trouble").textContent = "";
      this.button.disabled = false;
      this.#tell();
    });
    this.audio.addEventListener("error", () => this.#failed());
    if (this.audio.error) this.#failed(); // it failed before this module ran
    if (!this.audio.hasAttribute("src")) {
      byId("trouble").textContent = "Nothing is recorded of this call.";
      this.button.disabled = true;
    }
    this.#state();
  }

  get now() {
    return this.wanted ?? this.audio.currentTime;
  }

  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }

  get length() {
    return Number.isFinite(this.audio.duration) ? this.audio.duration : 0;
  }

  /** @param {(now: number) => void} follower */
  onTime(follower) {
    this.followers.push(follower);
  }

  toggle() {
    if (this.audio.paused) this.audio.play().catch(() => {});
    else this.audio.pause();
  }

  /** @param {number} seconds */
  seek(seconds) {
    const end = this.length || Infinity;
    const target = Math.min(Math.max(0, seconds), end);
    if (this.audio.readyState >= HTMLMediaElement.HAVE_METADATA) this.audio.currentTime = target;
    else this.wanted = target;
    this.#tell();
  }

  /** The server now has more of the call, at another address. @param {string} source */
  grown(source) {
    this.source = source;
    this.#catchUp();
  }

  /** Fetch the longer recording, but never under a listener's ear. */
  #catchUp() {
    if (!this.source || this.audio.getAttribute("src") === this.source) return;
    if (!this.audio.paused && !this.audio.ended) return;
    const at = this.now;
    this.audio.src = this.source;
    this.wanted = at;
  }

  /** @param {number} seconds */
  skip(seconds) {
    this.seek(this.now + seconds);
  }

  #failed() {
    byId("trouble").textContent = "This call has no audio that can be played. The rest of the page works without it.";
    this.button.disabled = true;
  }

  #tell() {
    byId("now").textContent = clock(this.now, 1);
    for (const follower of this.followers) follower(this.now);
  }

  #state() {
    const playing = !this.audio.paused && !this.audio.ended;
    this.button.classList.toggle("playing", playing);
    this.button.setAttribute("aria-label", playing ? "Pause" : "Play");
    if (playing) requestAnimationFrame(() => this.#frame());
    else this.#catchUp();
  }

  #frame() {
    this.#tell();
    if (!this.audio.paused && !this.audio.ended) requestAnimationFrame(() => this.#frame());
  }
}
