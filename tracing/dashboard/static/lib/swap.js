/**
 * Fetch a page or a part of one. The server makes all markup and escapes what callers said.
 * @param {string} url
 * @param {AbortSignal} [signal]
 * @returns {Promise<Document>}
 */
export async function fetchPage(url, signal) {
  const response = await fetch(url, { signal, headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!response.ok) {
    const words = page.querySelector("main p")?.textContent;
    throw new Error(words || `The server answered ${response.status}.`);
  }
  return page;
}

/**
 * Replace what stands in elements by what a fetched page has under the same ids.
 * @param {Document} page @param {string[]} ids
 */
export function swap(page, ids) {
  for (const id of ids) {
    const fresh = page.getElementById(id);
    const old = document.getElementById(id);
    if (fresh && old) old.replaceWith(document.importNode(fresh, true));
  }
}

/**
 * Run when calls have paused for a while, or have gone on for four times as long; never twice at a
 * time.
 * @param {() => Promise<void> | void} work @param {number} pause milliseconds
 */
export function settled(work, pause) {
  let timer = 0;
  let since = 0;
  let running = false;
  let again = false;
  async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    since = 0;
    try {
      await work();
    } finally {
      running = false;
      if (again) {
        again = false;
        soon();
      }
    }
  }
  function soon() {
    const now = performance.now();
    since ||= now;
    clearTimeout(timer);
    timer = window.setTimeout(run, Math.max(0, Math.min(pause, since + 4 * pause - now)));
  }
  return soon;
}
