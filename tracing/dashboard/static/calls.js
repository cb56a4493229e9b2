// The list: filters without a reload, rows that appear while calls run, and a player in each row.
import { byId, localMoments } from "./lib/dom.js";
import { follow } from "./lib/live.js";
import { fetchPage, settled, swap } from "./lib/swap.js";

const form = /** @type {HTMLFormElement} */ (byId("filters"));
const feed = byId("feed");
const preview = /** @type {HTMLAudioElement} */ (byId("preview"));
let playing = "";

function query() {
  const wanted = [...new FormData(form)].filter(([, value]) => String(value).trim());
  const text = new URLSearchParams(/** @type {[string, string][]} */ (wanted)).toString();
  return text ? `?${text}` : "";
}

/** @param {string} url */
async function show(url) {
  try {
    swap(await fetchPage(url), ["list"]);
    localMoments(document);
    markPlaying();
  } catch (error) {
    feed.textContent = `Could not load the list: ${/** @type {Error} */ (error).message}`;
  }
}

const filter = settled(async () => {
  const url = `/traces${query()}`;
  history.replaceState(null, "", url);
  await show(url);
}, 200);
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});

function markPlaying() {
  for (const button of document.querySelectorAll("[data-play]")) {
    button.classList.toggle("playing", button.getAttribute("href") === playing && !preview.paused);
  }
}

byId("main").addEventListener("click", (/** @type {MouseEvent} */ event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-play]");
  if (!button) return;
  event.preventDefault();
  const url = button.getAttribute("href") ?? "";
  if (url === playing && !preview.paused) {
    preview.pause();
    return;
  }
  if (url !== playing) preview.src = url;
  playing = url;
  preview.play().catch(() => {});
});
for (const kind of ["play", "pause", "ended"]) preview.addEventListener(kind, markPlaying);
preview.addEventListener("error", () => {
  if (preview.getAttribute("src")) feed.textContent = "This call has no audio that can be played.";
  markPlaying();
});

localMoments(document);
if (feed.dataset.firstPage === "yes") {
  const refresh = settled(() => show(location.pathname + location.search), 300);
  follow(
    (kind) => kind === "call" && refresh(),
    (connected) => {
      feed.textContent = connected ? "Live" : "Not live: connecting again";
      if (connected) refresh(); // for what happened before we listened
    },
  );
}
