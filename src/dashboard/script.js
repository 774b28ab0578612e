"use strict";
// Everything works without this file: it copies, and keeps what is live up to date.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const label = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}
// The first page waits for the first request, and after a minute says what to check.
const waiting = document.querySelector("[data-awaits]");
if (waiting) {
  setTimeout(() => { waiting.open = true; }, 60000);
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(waiting.dataset.awaits).catch(() => null);
    if (answer?.ok && await answer.text() !== waiting.dataset.known) location.assign(waiting.dataset.then);
  }, 2000);
}
