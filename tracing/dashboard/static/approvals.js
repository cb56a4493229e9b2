// What waits for a decision, looked for each second while somebody looks at the page.
import { byId, element } from "./lib/dom.js";
import { clock } from "./lib/format.js";

/**
 * @typedef {{id: string, call: string, tool: string, server: string | null, agent: string,
 *   text: string, arguments: string, deadline: number}} Waiting
 */

const LOOK_MS = 1000;
const feed = byId("feed");
/** Where whoever decides puts their name; not there for those who may only look. */
const who = /** @type {HTMLInputElement | null} */ (document.getElementById("who"));
const list = byId("waiting");
/** @type {Map<string, HTMLElement>} */
const cards = new Map();

if (who) {
  who.value = localStorage.getItem("approver") ?? "";
  who.addEventListener("change", () => localStorage.setItem("approver", who.value.trim()));
}

/** @param {string} json @returns {[string, string][]} */
function values(json) {
  try {
    const parsed = JSON.parse(json || "{}");
    return Object.entries(parsed).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  } catch {
    return [["arguments", json]];
  }
}

/** @param {Waiting} one */
function card(one) {
  const terms = values(one.arguments).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
  const reason = element("input", { type: "text", maxlength: "200", placeholder: "Reason (not needed)", "aria-label": "Reason" });
  const approve = element("button", { type: "button", class: "primary" }, "Approve");
  const deny = element("button", { type: "button" }, "Deny");
  const said = element("p", { class: "faint", role: "status" });
  const where = one.server ? `${one.agent}, ${one.server}` : one.agent;
  const made = element("section", { class: "card", "data-approval": one.id },
    element("div", { class: "cardhead" },
      element("h2", {}, one.tool),
      element("span", { class: "faint" }, where),
      element("span", { class: "badge warn", "data-left": String(one.deadline) })),
    element("p", {}, one.text),
    element("dl", {}, ...terms),
    element("p", {}, element("a", { href: `/traces/calls/${encodeURIComponent(one.call)}` }, "The call")));
  if (who) made.append(element("div", { class: "actions" }, reason, approve, deny), said);

  /** @param {"approve" | "deny"} decision */
  async function decide(decision) {
    approve.disabled = deny.disabled = true;
    const name = who?.value.trim();
    const body = { decision, ...(name && { who: name }), ...(reason.value.trim() && { reason: reason.value.trim() }) };
    try {
      const answer = await fetch(`/api/approvals/${encodeURIComponent(one.id)}`, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(answer.status === 404 ? "it is too late" : `answer ${answer.status}`);
      await look();
    } catch (error) {
      said.textContent = `Not decided: ${/** @type {Error} */ (error).message}.`;
      approve.disabled = deny.disabled = false;
    }
  }
  approve.addEventListener("click", () => decide("approve"));
  deny.addEventListener("click", () => decide("deny"));
  return made;
}

/** @param {Waiting[]} waiting */
function show(waiting) {
  const ids = new Set(waiting.map((one) => one.id));
  for (const [id, shown] of cards) {
    if (!ids.has(id)) {
      shown.remove();
      cards.delete(id);
    }
  }
  for (const one of waiting) {
    if (cards.has(one.id)) continue;
    const made = card(one);
    cards.set(one.id, made);
    list.append(made);
  }
  byId("none").hidden = waiting.length > 0;
  document.title = `${waiting.length ? `(${waiting.length}) ` : ""}Approvals · Frontdesk`;
  for (const left of list.querySelectorAll("[data-left]")) {
    left.textContent = `${clock(Number(left.getAttribute("data-left")) - Date.now() / 1000)} left`;
  }
}

async function look() {
  try {
    const answer = await fetch("/api/approvals");
    if (!answer.ok) throw new Error(String(answer.status));
    show((await answer.json()).data);
    feed.textContent = "Live";
  } catch {
    feed.textContent = "Not live: the server does not answer. Trying again.";
  }
}

async function watch() {
  if (!document.hidden) await look();
  setTimeout(watch, LOOK_MS);
}
watch();
