/** What the server made of each child, before the page changed it. @type {WeakMap<Element, string>} */
const sources = new WeakMap();

/** Note the children of a list as the server sent them. @param {Element} list */
export function remember(list) {
  for (const child of list.children) sources.set(child, child.outerHTML);
}

/**
 * Bring a list up to date, child by child (`data-key` says which is which): what is the same stays as
 * it is, so that neither focus nor selection nor place is lost.
 * @param {Element} list @param {Element} fresh the same list, from the server
 * @param {(child: HTMLElement, known: boolean) => void} [adopt] told of each child that is new here;
 * `known` when it takes the place of an older one
 */
export function renew(list, fresh, adopt = () => {}) {
  const old = new Map([...list.children].map((child) => [key(child), child]));
  const focus = focused(list);
  const next = [...fresh.children].map((child) => {
    const was = old.get(key(child));
    if (was && sources.get(was) === child.outerHTML) return was;
    const made = /** @type {HTMLElement} */ (document.importNode(child, true));
    sources.set(made, child.outerHTML);
    adopt(made, was !== undefined);
    return made;
  });
  const stay = new Set(next);
  for (const child of old.values()) if (!stay.has(/** @type {HTMLElement} */ (child))) child.remove();
  for (const child of [...list.children]) if (!stay.has(/** @type {HTMLElement} */ (child))) child.remove();
  let at = list.firstElementChild;
  for (const child of next) {
    if (child === at) at = at.nextElementSibling;
    else list.insertBefore(child, at);
  }
  focus?.();
}

/** @param {Element} child */
function key(child) {
  return child.getAttribute("data-key") ?? "";
}

const CONTROLS = "a, button, input, select";

/** Remembers which control of which child has the focus. @param {Element} list @returns {(() => void) | null} */
function focused(list) {
  const active = document.activeElement;
  const child = active && [...list.children].find((each) => each.contains(active));
  if (!child) return null;
  const index = [...child.querySelectorAll(CONTROLS)].indexOf(active);
  return () => {
    if (document.activeElement === active) return;
    const now = [...list.children].find((each) => key(each) === key(child));
    /** @type {HTMLElement | undefined} */ (now?.querySelectorAll(CONTROLS)[index])?.focus({ preventScroll: true });
  };
}
