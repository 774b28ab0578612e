"use strict";
// Every page works without this file. What it does, by attributes:
//   button[data-copy=TEXT][data-copied=WORD]  copies TEXT.
//   table[data-live=URL][data-last=N][data-rows=N]  gets rows, a tbody each, from the stream at URL; while it is in
//     use they wait, and button[data-live-new=WORD] counts them. [data-live-lamp][data-off=WORD] is its state.
//   [data-live-reload][id]  is fetched again when something was recorded, every 4 s at most.
//   [data-awaits=URL][data-known=TEXT][data-then=URL][data-every=MS]  goes on once the answer is another.
//   form[data-filter]  leaves out empty fields; "/" leads there.  dialog#keys is opened by "?".
{
  const base = document.currentScript.src;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);

  for (const button of all("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      const label = button.textContent;
      button.textContent = button.dataset.copied;
      setTimeout(() => { button.textContent = label; }, 1500);
    });
  }

  // The list that rows arrive in.
  const table = one("table[data-live]");
  const more = one("[data-live-new]");
  let last = Number(table?.dataset.last ?? 0);
  let held = [];
  let isPointed = false;

  const isBusy = () => {
    const selection = getSelection();
    return isPointed || table.contains(document.activeElement)
      || !selection.isCollapsed && table.contains(selection.anchorNode);
  };
  const showHeld = () => {
    if (!held.length) return;
    const rows = held;
    held = [];
    more.hidden = true;
    table.tHead.after(...rows);
    for (const row of rows) for (const line of row.rows) line.classList.add("arrived");
    for (const old of [...table.tBodies].slice(Number(table.dataset.rows))) old.remove();
    one("[data-live-empty]")?.remove();
  };
  const take = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html; // Rows of our own stream, escaped there.
    held = [...all("tbody", template.content), ...held].slice(0, Number(table.dataset.rows));
    if (!isBusy()) return showHeld();
    more.textContent = held.length + " " + more.dataset.liveNew;
    more.hidden = false;
  };
  if (table) {
    const resume = () => { if (!isBusy()) showHeld(); };
    table.addEventListener("pointerenter", () => { isPointed = true; });
    table.addEventListener("pointerleave", () => { isPointed = false; resume(); });
    table.addEventListener("focusout", () => setTimeout(resume));
    document.addEventListener("selectionchange", resume);
    more.addEventListener("click", showHeld);
  }

  // What is fetched again.
  let fetchAt = 0;
  let isDue = false;
  const refetch = async () => {
    isDue = false;
    fetchAt = Date.now() + 4000;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = fresh.title;
    for (const part of all("[data-live-reload]")) {
      const next = fresh.getElementById(part.id);
      if (next && !part.contains(document.activeElement)) part.replaceWith(next);
    }
  };
  const waiting = one("[data-awaits]");
  if (waiting) setTimeout(() => { waiting.open = true; }, 60000);
  const look = async () => {
    const answer = await fetch(waiting.dataset.awaits).catch(() => null);
    if (answer?.ok && await answer.text() !== waiting.dataset.known) location.assign(waiting.dataset.then);
  };
  if (waiting?.dataset.every) setInterval(look, waiting.dataset.every);
  const changed = () => {
    if (waiting) look();
    if (isDue || !one("[data-live-reload]")) return;
    isDue = true;
    setTimeout(refetch, Math.max(0, fetchAt - Date.now()));
  };

  // One stream a tab, while it is seen.
  const lamp = one("[data-live-lamp]");
  const word = lamp?.textContent;
  let source = null;
  const light = (isOn) => {
    if (!lamp) return;
    lamp.textContent = isOn ? word : lamp.dataset.off;
    lamp.className = isOn ? "state busy" : "state off";
  };
  const close = () => { source?.close(); source = null; };
  const open = () => {
    if (source || document.hidden || !(table || waiting || one("[data-live-reload]"))) return;
    const url = new URL(table ? table.dataset.live : "live?ticks=1", base);
    if (table) url.searchParams.set("after", last);
    source = new EventSource(url);
    source.onopen = () => light(true);
    source.onerror = () => light(false);
    source.addEventListener("rows", (event) => {
      last = Number(event.lastEventId);
      take(event.data);
      changed();
    });
    source.addEventListener("tick", changed);
    source.addEventListener("stale", () => location.reload());
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return close();
    open();
    changed();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);

  // Keys.
  for (const form of all("form[data-filter]")) {
    form.addEventListener("formdata", ({ formData }) => {
      for (const [name, value] of [...formData]) if (!value) formData.delete(name);
    });
  }
  const step = (by) => {
    const rows = all("main tbody tr").filter((row) => row.querySelector("a, button, summary"));
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
    next?.querySelector("a, button, summary").focus();
  };
  const keys = {
    "/": () => one("form[data-filter] :is(input, select):not([type=hidden])")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    "?": () => one("dialog#keys")?.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
