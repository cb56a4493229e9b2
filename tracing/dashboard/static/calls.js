// The list: filters without a reload, rows that appear and change while calls run, and one player.
import { Dock } from "./calls/dock.js";
import { command } from "./calls/keys.js";
import { byId, localMoments } from "./lib/dom.js";
import { clock } from "./lib/format.js";
import { follow } from "./lib/live.js";
import { remember, renew } from "./lib/rows.js";
import { fetchPage, settled, swap } from "./lib/swap.js";

const form = /** @type {HTMLFormElement} */ (byId("filters"));
const feed = byId("feed");
const dock = new Dock(markPlaying);

function query() {
  const wanted = [...new FormData(form)].filter(([, value]) => String(value).trim());
  const text = new URLSearchParams(/** @type {[string, string][]} */ (wanted)).toString();
  return text ? `?${text}` : "";
}

let asked = 0;

/** Fetch the list as it is now; with `live`, rows that come are shown to have come. @param {string} url @param {boolean} live */
async function show(url, live) {
  const mine = (asked += 1);
  try {
    const page = await fetchPage(url);
    if (mine !== asked) return; // another filter was chosen meanwhile
    const rows = document.getElementById("rows");
    const fresh = page.getElementById("rows");
    if (rows && fresh) {
      renew(rows, fresh, (row, known) => {
        localMoments(row);
        if (live && !known) row.classList.add("came");
      });
      rows.closest("table")?.nextElementSibling?.replaceWith(document.importNode(/** @type {Node} */ (page.querySelector("#list > .pager")), true));
    } else {
      swap(page, ["list"]);
      adopt();
    }
    markPlaying();
  } catch (error) {
    if (mine === asked) feed.textContent = `Could not load the list: ${/** @type {Error} */ (error).message}`;
  }
}

function adopt() {
  const rows = document.getElementById("rows");
  if (rows) remember(rows);
  localMoments(document);
}

const filter = settled(async () => {
  if (!form.checkValidity()) return;
  const url = `/traces${query()}`;
  history.replaceState(null, "", url);
  byId("clear").hidden = query() === "";
  await show(url, false);
}, 200);
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  filter();
});

function markPlaying() {
  for (const row of document.querySelectorAll("#rows > [data-call]")) {
    const here = row.getAttribute("data-call") === dock.call;
    row.classList.toggle("is-open", here);
    row.querySelector("[data-play]")?.classList.toggle("playing", here && dock.playing);
  }
}

/** @param {Element | null} row */
function hear(row) {
  const button = row?.querySelector("[data-play]");
  if (!row || !button) return;
  const words = row.querySelector(".words")?.textContent ?? "";
  dock.open(row.getAttribute("data-call") ?? "", button.getAttribute("href") ?? "", words);
}

byId("main").addEventListener("click", (/** @type {MouseEvent} */ event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-play]");
  if (!button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  hear(button.closest("[data-call]"));
});

/** @param {number} step */
function go(step) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("#rows .call a")]);
  const at = links.findIndex((link) => link.closest("tr")?.contains(document.activeElement));
  links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
}

const commands = {
  play: () => dock.toggle(),
  back: () => dock.skip(-5),
  on: () => dock.skip(5),
  close: () => dock.close(),
  next: () => go(1),
  previous: () => go(-1),
  hear: () => hear(document.activeElement?.closest("[data-call]") ?? null),
  search: () => form.querySelector("input")?.focus(),
};
document.addEventListener("keydown", (event) => {
  const name = command(event);
  if (!name || (["play", "back", "on", "close"].includes(name) && dock.call === "")) return;
  event.preventDefault();
  commands[/** @type {keyof typeof commands} */ (name)]();
});

/** Calls that run grow longer while nothing else is told of them. */
function tick() {
  for (const cell of document.querySelectorAll("#rows [data-since]")) {
    cell.textContent = clock(Date.now() / 1000 - Number(cell.getAttribute("data-since")));
  }
}

adopt();
if (feed.dataset.firstPage === "yes") {
  const refresh = settled(() => show(location.pathname + location.search, true), 300);
  setInterval(tick, 1000);
  follow(
    (kind) => kind === "call" && refresh(),
    (connected) => {
      feed.textContent = connected ? "Live" : "Not live: connecting again";
      if (connected) refresh(); // for what happened before we listened
    },
  );
}
