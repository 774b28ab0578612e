// What is wrong with how a page is laid out, looked for in the page itself. These functions run in the browser.

/** Text that is cut off, that lies over other text, or that makes the page scroll sideways: a sentence for each. */
export function faults() {
  const found = [];
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) found.push(`the page scrolls sideways by ${wide} px`);
  const isHidden = (element) => element.closest(".hidden-label, .skip, [hidden], noscript, script, dialog:not([open])") !== null
    || !element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  // A header that is only read out, where a table has become blocks.
  const isClipped = (element) => {
    for (let at = element; at; at = at.parentElement) if (getComputedStyle(at).clipPath !== "none") return true;
    return false;
  };
  const scrolls = (element) => {
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(at).overflowX) && at.scrollWidth > at.clientWidth) return true;
    }
    return false;
  };
  const name = (element) => element.tagName.toLowerCase() + (element.classList.length ? `.${[...element.classList].join(".")}` : "");
  const quoted = (text) => `\`${text.trim().replace(/\s+/g, " ").slice(0, 60)}\``;

  for (const table of document.querySelectorAll(".table:has(> .blocks)")) {
    const wide = table.scrollWidth - table.clientWidth;
    if (innerWidth <= 640 && wide > 0 && table.checkVisibility()) found.push(`a table of blocks scrolls sideways by ${wide} px: ${quoted(table.textContent)}`);
  }

  const pieces = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || isHidden(element) || isClipped(element) || element.closest("title, desc")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter((rect) => rect.width > 1 && rect.height > 1);
    pieces.push({ node, element, rects, scrolls: scrolls(element) });
  }

  for (const { node, element, rects, scrolls } of pieces) {
    for (const rect of rects) {
      if (!scrolls && (rect.right > innerWidth + 1 || rect.left < -1)) found.push(`${quoted(node.data)} leaves the page at the side`);
      const box = element.closest("td, th, button, .button, .sheet, .notice, .figures > div, .count, summary, label, pre");
      const bounds = box?.getBoundingClientRect();
      if (bounds && !scrolls && (rect.right > bounds.right + 1 || rect.left < bounds.left - 1)) {
        found.push(`${quoted(node.data)} leaves its ${name(box)} at the side`);
      }
      if (bounds && (rect.bottom > bounds.bottom + 3 || rect.top < bounds.top - 3)) found.push(`${quoted(node.data)} leaves its ${name(box)} above or below`);
    }
    // What is cut off by its own box.
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (/hidden|clip/.test(style.overflowX) && at.scrollWidth > at.clientWidth + 1) found.push(`${quoted(node.data)} is cut off in ${name(at)}`);
    }
  }

  const lines = pieces.flatMap((piece) => piece.rects.map((rect) => ({ piece, rect })));
  lines.sort((one, other) => one.rect.top - other.rect.top);
  for (let at = 0; at < lines.length; at += 1) {
    const one = lines[at];
    for (let next = at + 1; next < lines.length && lines[next].rect.top < one.rect.bottom - 3; next += 1) {
      const other = lines[next];
      if (one.piece === other.piece) continue;
      const across = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left);
      const down = Math.min(one.rect.bottom, other.rect.bottom) - Math.max(one.rect.top, other.rect.top);
      if (across > 2 && down > 3) found.push(`${quoted(one.piece.node.data)} and ${quoted(other.piece.node.data)} lie over each other`);
    }
  }

  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea, button, .button")) {
    if (isHidden(field) || isClipped(field) || scrolls(field)) continue;
    const { right, left, width } = field.getBoundingClientRect();
    if (width > 0 && (right > innerWidth + 1 || left < -1)) found.push(`${name(field)} ${quoted(field.name || field.textContent)} leaves the page at the side`);
  }
  return [...new Set(found)];
}

/** Makes each word of the page longer by 40 %, as another language may. */
export function lengthen() {
  const longer = (text) => text.replace(/\p{L}{2,}/gu, (word) => word + "nenenenenenenenenene".slice(0, Math.ceil(word.length * 0.4)));
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    // What is no language stays: names, commands, addresses.
    if (!node.parentElement.closest("code, pre, kbd, script, time, svg text")) node.data = longer(node.data);
  }
  for (const element of document.querySelectorAll("[data-label]")) element.dataset.label = longer(element.dataset.label);
}

/** Opens all that is folded. */
export function unfold() {
  for (const details of document.querySelectorAll("details")) details.open = true;
}
