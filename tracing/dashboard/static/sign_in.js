// Whoever is signed in and follows a link from another site arrives here, because the browser keeps
// the cookie back on that one request. Asked from this page, it goes along.
const next = /** @type {HTMLInputElement | null} */ (document.querySelector("input[name=next]"))?.value;
if (next) {
  const answer = await fetch(next, { redirect: "manual", headers: { accept: "text/html" } });
  if (answer.ok) location.replace(next);
}
