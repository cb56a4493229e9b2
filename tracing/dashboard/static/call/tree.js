/**
 * Which rows show: those below a folded one do not. Rows come in reading order.
 * @param {{depth: number, folded: boolean}[]} rows @returns {boolean[]}
 */
export function shown(rows) {
  let below = Infinity; // depth of the folded row that we are under
  return rows.map(({ depth, folded }) => {
    if (depth > below) return false;
    below = folded ? depth : Infinity;
    return true;
  });
}

/**
 * The row that a row hangs on. @param {{depth: number}[]} rows @param {number} at
 * @returns {number} -1 for none
 */
export function parentOf(rows, at) {
  for (let index = at - 1; index >= 0; index -= 1) if (rows[index].depth < rows[at].depth) return index;
  return -1;
}

/** The spans as a tree that folds, is walked with keys, and can be searched. */
export class Tree {
  /**
   * @param {HTMLElement} section as the server made it
   * @param {{choose: (span: string, focus?: boolean) => void, folded: () => void}} told
   */
  constructor(section, told) {
    this.section = section;
    this.told = told;
    this.elements = /** @type {HTMLTableRowElement[]} */ ([...section.querySelectorAll("tr[data-span]")]);
    this.rows = this.elements.map((row) => ({
      depth: Number(row.dataset.level), parent: "children" in row.dataset, folded: false, span: row.dataset.span ?? "", shown: true,
    }));
    this.field = /** @type {HTMLInputElement} */ (section.querySelector(".find input"));
    this.count = /** @type {HTMLElement} */ (section.querySelector(".find [role=status]"));
    this.#become();
    /** @type {HTMLElement} */ (section.querySelector("tbody")).addEventListener("click", (event) => this.#clicked(event));
    this.field.addEventListener("input", () => this.#search());
    this.field.addEventListener("keydown", (event) => this.#typed(event));
  }

  /** A table of links without this module; with it, what screen readers know as a tree grid. */
  #become() {
    const table = /** @type {HTMLElement} */ (this.section.querySelector(".waterfall"));
    table.setAttribute("role", "treegrid");
    table.setAttribute("aria-labelledby", "fall-title");
    this.elements.forEach((row, index) => {
      row.setAttribute("aria-level", String(this.rows[index].depth + 1));
      if (this.rows[index].parent) row.setAttribute("aria-expanded", "true");
      row.tabIndex = index === 0 ? 0 : -1;
      row.setAttribute("role", "row"); // as they are not laid out as a table's
      row.cells[0].setAttribute("role", "rowheader");
      row.cells[1].setAttribute("role", "gridcell");
      row.cells[2].setAttribute("role", "gridcell");
      /** @type {HTMLElement} */ (row.querySelector("a")).tabIndex = -1;
    });
    /** @type {HTMLElement} */ (this.section.querySelector(".find")).hidden = false;
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const row = /** @type {HTMLTableRowElement | null} */ (/** @type {Element} */ (event.target).closest("tr[data-span]"));
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const at = this.elements.indexOf(row);
    if (/** @type {Element} */ (event.target).closest(".twig")) this.fold(at, !this.rows[at].folded);
    else this.told.choose(this.rows[at].span);
  }

  /** The row of the span, or the one in which the focus is. @param {string} chosen */
  at(chosen) {
    const focused = this.elements.indexOf(/** @type {any} */ (document.activeElement?.closest?.("tr[data-span]")));
    return focused >= 0 ? focused : this.rows.findIndex((row) => row.span === chosen);
  }

  /** Step over the rows that show. @param {string} chosen @param {number} step */
  step(chosen, step) {
    const from = this.at(chosen);
    const open = this.rows.flatMap((row, index) => (row.shown ? [index] : []));
    const next = from < 0 ? (step > 0 ? 0 : open.length - 1) : open.indexOf(from) + step;
    const to = open[Math.min(open.length - 1, Math.max(0, next))];
    if (to !== undefined) this.told.choose(this.rows[to].span, true);
  }

  /** Close an open row, or go to the one it hangs on. @param {string} chosen */
  inwards(chosen) {
    const at = this.at(chosen);
    if (at < 0) return;
    if (this.rows[at].parent && !this.rows[at].folded) return this.fold(at, true);
    const parent = parentOf(this.rows, at);
    if (parent >= 0) this.told.choose(this.rows[parent].span, true);
  }

  /** Open a closed row, or go to its first child. @param {string} chosen */
  outwards(chosen) {
    const at = this.at(chosen);
    if (at < 0 || !this.rows[at].parent) return;
    if (this.rows[at].folded) this.fold(at, false);
    else this.told.choose(this.rows[at + 1].span, true);
  }

  /** @param {number} at @param {boolean} folded */
  fold(at, folded) {
    this.rows[at].folded = folded;
    this.elements[at].setAttribute("aria-expanded", String(!folded));
    shown(this.rows).forEach((show, index) => {
      if (show !== this.rows[index].shown) this.elements[index].hidden = !show;
      this.rows[index].shown = show;
    });
    if (document.activeElement?.closest?.("tr[hidden]")) this.elements[at].focus();
    this.told.folded();
  }

  /** Make a span's row the one that the tab key reaches, and bring it into sight. @param {string} span @param {boolean} focus */
  reveal(span, focus) {
    const at = this.rows.findIndex((row) => row.span === span);
    if (at < 0) return;
    for (let up = parentOf(this.rows, at); up >= 0; up = parentOf(this.rows, up)) {
      if (this.rows[up].folded) this.fold(up, false);
    }
    for (const row of this.elements) row.tabIndex = -1;
    const row = this.elements[at];
    row.tabIndex = 0;
    if (focus) row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  /** What is at work in a node of the graph stands out. @param {Set<string>} spans none: nothing does */
  pick(spans) {
    this.elements.forEach((row, index) => row.classList.toggle("picked", spans.has(this.rows[index].span)));
  }

  search() {
    this.field.focus();
    this.field.select();
  }

  #found() {
    return this.elements.flatMap((row, index) => (row.classList.contains("found") ? [index] : []));
  }

  #search() {
    const words = this.field.value.trim().toLowerCase();
    for (const row of this.elements) {
      const hit = words !== "" && (row.querySelector("th")?.textContent ?? "").toLowerCase().includes(words);
      row.classList.toggle("found", hit);
    }
    this.section.classList.toggle("searching", words !== "");
    const found = this.#found();
    this.count.textContent = words ? `${found.length || "no"} ${found.length === 1 ? "span" : "spans"}` : "";
    if (found.length) this.elements[found[0]].scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #typed(event) {
    if (event.key === "Escape") {
      this.field.value = "";
      this.#search();
      this.elements.find((row) => row.tabIndex === 0)?.focus();
    } else if (event.key === "Enter") {
      const found = this.#found();
      const from = this.rows.findIndex((_, index) => this.elements[index].querySelector("a[aria-current]"));
      const next = event.shiftKey ? (found.findLast((at) => at < from) ?? found.at(-1)) : (found.find((at) => at > from) ?? found[0]);
      if (next !== undefined) this.told.choose(this.rows[next].span);
    } else return;
    event.preventDefault();
  }
}
