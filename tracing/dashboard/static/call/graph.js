/** The agents of the turn, drawn by the server: a node leads to its spans, one after the other. */
export class Graph {
  /**
   * @param {HTMLElement} section
   * @param {{choose: (span: string, focus?: boolean) => void, pick: (spans: Set<string>) => void}} told
   */
  constructor(section, told) {
    const place = section.querySelector(".agents");
    this.links = [...(place?.querySelectorAll("a[data-spans]") ?? [])];
    this.chosen = "";
    place?.addEventListener("click", (event) => {
      const link = /** @type {Element} */ (event.target).closest("a[data-spans]");
      const click = /** @type {MouseEvent} */ (event);
      if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
      event.preventDefault();
      const spans = spansOf(link);
      told.pick(new Set(spans));
      told.choose(spans[(spans.indexOf(this.chosen) + 1) % spans.length]);
    });
  }

  /** @param {string} span the chosen one */
  mark(span) {
    this.chosen = span;
    for (const link of this.links) {
      if (link.classList.contains("node") && spansOf(link).includes(span)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
}

/** @param {Element} link */
function spansOf(link) {
  return (link.getAttribute("data-spans") ?? "").trim().split(" ");
}
