/** @typedef {import("./fall.js").Fall} Fall */

const STILL = 4; // pixels within which a press is a click

/**
 * The mouse, the wheel and fingers on the time line: a click seeks, a drag marks out a range, two
 * fingers or the wheel with Ctrl zoom, and the wheel with Shift moves along.
 * @param {Fall} fall @param {(time: number) => void} seek told unix seconds
 */
export function follow(fall, seek) {
  const table = /** @type {HTMLElement} */ (fall.section.querySelector(".waterfall"));
  const mark = /** @type {HTMLElement} */ (fall.section.querySelector(".fallmark"));
  /** @type {Map<number, {x: number, from: number}>} */
  const down = new Map();
  let dragged = false;

  /** @param {Event} event */
  const onTime = (event) => /** @type {Element} */ (event.target).closest(".time");

  table.addEventListener("pointerdown", (event) => {
    dragged = false;
    const strip = /** @type {Element} */ (event.target).closest(".strip");
    // Fingers scroll the rows; only the strip above them is theirs to zoom on.
    if (!onTime(event) || event.button !== 0 || (event.pointerType === "touch" && !strip)) return;
    down.set(event.pointerId, { x: event.clientX, from: event.clientX });
  });
  table.addEventListener("pointermove", (event) => {
    const finger = down.get(event.pointerId);
    if (!finger) return;
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const before = Math.max(20, Math.abs(finger.x - other.x));
      const after = Math.max(20, Math.abs(event.clientX - other.x));
      fall.scale(before / after, fall.timeOf((event.clientX + other.x) / 2));
      dragged = true;
    } else if (dragged || Math.abs(event.clientX - finger.from) > STILL) {
      dragged = true;
      if (!table.hasPointerCapture(event.pointerId)) table.setPointerCapture(event.pointerId);
      show(finger.from, event.clientX);
    }
    finger.x = event.clientX;
  });
  for (const kind of /** @type {const} */ (["pointerup", "pointercancel"])) {
    table.addEventListener(kind, (event) => {
      const finger = down.get(event.pointerId);
      down.delete(event.pointerId);
      if (!finger || mark.hidden) return;
      mark.hidden = true;
      const [from, to] = ends(finger.from, event.clientX);
      if (kind === "pointerup" && to - from > 1e-3) fall.reach({ from, to });
    });
  }
  table.addEventListener(
    "click",
    (event) => {
      if (!dragged && onTime(event)) seek(fall.timeOf(event.clientX));
      if (dragged) event.stopPropagation();
      dragged = false;
    },
    { capture: true },
  );
  table.addEventListener("dblclick", (event) => onTime(event) && fall.zoom("span"));
  table.addEventListener(
    "wheel",
    (event) => {
      if (!onTime(event)) return;
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
      if (!event.ctrlKey && !sideways) return;
      event.preventDefault();
      if (event.ctrlKey) fall.scale(Math.exp(Math.max(-50, Math.min(50, event.deltaY)) / 100), fall.timeOf(event.clientX));
      else fall.pan(sideways / fall.box.width);
    },
    { passive: false },
  );

  /** @param {number} a @param {number} b pixels @returns {[number, number]} */
  function ends(a, b) {
    const [from, to] = [fall.timeOf(Math.min(a, b)), fall.timeOf(Math.max(a, b))];
    return [Math.max(from, fall.whole.from), Math.min(to, fall.whole.to)];
  }

  /** @param {number} a @param {number} b pixels */
  function show(a, b) {
    const [from, to] = ends(a, b);
    const length = fall.view.to - fall.view.from;
    mark.hidden = false;
    fall.span(mark, (from - fall.view.from) / length, (to - from) / length);
  }
}
