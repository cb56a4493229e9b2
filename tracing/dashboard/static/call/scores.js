/**
 * Bring the scores of a turn or a span to life, for those who may score.
 * @param {HTMLElement} panel
 * @param {() => Promise<void>} renew takes the server's list anew
 */
export function scoring(panel, renew) {
  const section = /** @type {HTMLElement | null} */ (panel.querySelector(".scores"));
  const give = /** @type {HTMLElement | null} */ (section?.querySelector(".give"));
  if (!section || !give) return;
  const form = /** @type {HTMLFormElement} */ (give.querySelector("form"));
  const told = /** @type {HTMLElement} */ (give.querySelector("[role=status]"));
  const author = /** @type {HTMLInputElement} */ (form.elements.namedItem("author"));
  give.hidden = false;
  author.value = localStorage.getItem("approver") ?? "";
  author.addEventListener("change", () => localStorage.setItem("approver", author.value.trim()));

  /** @param {string} url @param {RequestInit} request */
  async function ask(url, request) {
    try {
      const answer = await fetch(url, request);
      if (!answer.ok) throw new Error(await reason(answer));
      await renew();
    } catch (error) {
      told.textContent = `Not saved: ${/** @type {Error} */ (error).message}`;
    }
  }

  /** @param {Record<string, unknown>} score what is empty is left out */
  function save(score) {
    const whole = { ...score, trace_id: section?.dataset.trace, span_id: section?.dataset.scored, author: author.value.trim() };
    const given = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== "" && value !== undefined));
    return ask("/api/scores", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(given) });
  }

  for (const thumb of give.querySelectorAll("[data-thumb]")) {
    thumb.addEventListener("click", () => save({ name: "thumb", value: Number(thumb.getAttribute("data-thumb")) }));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = new FormData(form);
    const text = (/** @type {string} */ name) => String(given.get(name) ?? "").trim();
    save({ name: text("name"), value: text("value") && Number(text("value")), label: text("label"), comment: text("comment") });
  });
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll("[data-delete-score]"))) {
    button.hidden = false;
    button.addEventListener("click", () => ask(`/api/scores/${encodeURIComponent(button.dataset.deleteScore ?? "")}`, { method: "DELETE" }));
  }
}

/** @param {Response} answer */
async function reason(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `the server answered ${answer.status}.`;
  }
}
