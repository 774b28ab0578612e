// By keyboard alone, without script, and in both languages.

import assert from "node:assert/strict";

import { check } from "./cases.mjs";
import { Agent } from "./rig.mjs";
import { state } from "./states.mjs";
import { NARROW, visit } from "./visitor.mjs";

const PAGES = ["", "accounts", "accounts/work", "accounts?provider=lab", "proxy?key=ci", "monitoring", "statistics?range=today&by=account", "settings"];

/** Gives every control of the page a number, and says what each is. Runs in the browser. */
function numbered() {
  const controls = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")].filter((control) =>
    control.tabIndex >= 0 && !control.disabled && control.checkVisibility({ visibilityProperty: true }) && !control.closest("dialog:not([open])"));
  // Of a group of radio buttons the keyboard reaches one, and goes on with the arrows.
  const reached = controls.filter((control) => control.type !== "radio" || control.checked);
  for (const [at, control] of reached.entries()) control.dataset.number = at;
  return reached.map((control) => control.outerHTML.slice(0, 120));
}

/** Which control has the focus, and whether it can be seen that it has. Runs in the browser. */
function focused() {
  const control = document.activeElement;
  if (!control || control === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(control);
  const { top, bottom, left, right } = control.getBoundingClientRect();
  const isOnScreen = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
  return { number: control.dataset.number, isSeen: isOnScreen && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2, what: control.outerHTML.slice(0, 120) };
}

for (const viewport of ["wide", "narrow"]) {
  check(`every control is reached by the keyboard and is seen to be: ${viewport}`, async () => {
    const { agent } = await state("busy");
    const visitor = await visit(agent, viewport === "narrow" ? { viewport: NARROW } : {});
    const { page } = visitor;
    for (const path of viewport === "wide" ? PAGES : ["", "accounts", "monitoring"]) {
      await visitor.open(path);
      const controls = await page.evaluate(numbered);
      const reached = new Set();
      const unseen = [];
      for (let at = 0; at < controls.length + 30; at += 1) {
        await page.keyboard.press("Tab");
        const now = await page.evaluate(focused);
        if (!now) break;
        // Within a field of dates the parts have marks of their own.
        if (!now.isSeen && !reached.has(Number(now.number))) unseen.push(now.what);
        reached.add(Number(now.number));
      }
      assert.deepEqual(unseen, [], `${path}: the focus is not seen`);
      assert.deepEqual(controls.filter((_, at) => !reached.has(at)), [], `${path}: not reached`);
    }
  });
}

check("links, forms and folded parts work by keyboard alone", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  const { page } = visitor;
  const focus = async (what) => {
    for (let at = 0; at < 200; at += 1) {
      await page.keyboard.press("Tab");
      if (await what.evaluate((element) => element === document.activeElement)) return;
    }
    throw new Error(`never got to ${what}`);
  };
  const enter = () => Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(new URL(page.url()).hash, "#content", "the first stop skips the navigation");

  await focus(page.getByLabel("Message"));
  await page.keyboard.type(" Please.");
  await enter();
  await visitor.sees("status 200.");
  await focus(page.locator("nav.site a").nth(5));
  await enter();
  assert.equal(visitor.path, "settings");
  await focus(page.locator("[name='scheduling.max_attempts']"));
  await page.keyboard.press("Control+A");
  await page.keyboard.type("5");
  await enter();
  assert.equal(await visitor.verdict(), "Nothing is changed yet.");
  await focus(page.getByRole("button", { name: "Write to config.toml" }));
  await enter();
  assert.match(await agent.config(), /max_attempts = 5/);

  await visitor.open("proxy");
  const folded = page.locator("#access summary");
  await focus(folded);
  await page.keyboard.press("Enter");
  await page.locator("#access select").waitFor();
  await focus(page.locator("#access select"));
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
});

check("the keys of the page lead to the filter, through the rows and to their own help", async () => {
  const { agent } = await state("busy");
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("monitoring");
  const active = () => page.evaluate(() => document.activeElement.name || document.activeElement.textContent);
  const rows = await page.locator("table.requests tbody th a").allInnerTexts();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  assert.equal(await page.evaluate(() => [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a")).findIndex((row) => row.contains(document.activeElement))), 1);
  await page.keyboard.press("k");
  assert.equal(await active(), rows[0]);
  await page.keyboard.press("/");
  assert.equal(await active(), "ending");
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("?");
  await page.locator("dialog#keys[open]").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("dialog#keys[open]").count(), 0);
});

check("without script pages are read, forms are sent, and lists are kept up to date", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent, { script: false });
  const { page } = visitor;
  assert.equal(await page.getByRole("button", { name: "Copy" }).count(), 0, "no button that does nothing");
  await visitor.send("try", { message: "hello" }, ".primary");
  await visitor.sees("status 200.");
  for (const name of ["Accounts", "API proxy", "Monitoring", "Token statistics", "Settings", "Dashboard"]) {
    await visitor.press(page.locator("nav.site").getByRole("link", { name }));
    assert.equal(await page.locator("nav.site [aria-current=page]").innerText(), name);
  }
  await visitor.press(page.getByRole("link", { name: "Look again" }));

  await visitor.open("monitoring");
  assert.equal(await page.locator("noscript meta[http-equiv=refresh], head meta[http-equiv=refresh]").count(), 1);
  assert.equal(await page.getByRole("link", { name: "Reload" }).count(), 1);
  await page.locator("[name=since]").fill("1h");
  await visitor.press(page.locator("form.filter button"));
  assert.match(visitor.path, /since=1h/);
  assert.equal(await page.locator("table.requests tbody").count(), 1);

  await visitor.open("proxy");
  await page.getByText("Create a key").click();
  await page.locator("#create-key-name").fill("ci");
  await visitor.press(page.locator("form[action$='proxy/create-key'] button"));
  assert.equal((await agent.facts("key", "list"))[0].name, "ci");
  await visitor.open("settings");
  await page.locator("[name='record.keep_days']").fill("14");
  await visitor.press(page.getByRole("button", { name: "Review the change" }).last());
  await visitor.press(page.getByRole("button", { name: "Write to config.toml" }));
  assert.match(await agent.config(), /keep_days = 14/);
});

/** Words that only English has. */
const ENGLISH = /\b(the|and|with|from|were|is|are|not|this|that|of|to|failed|served|since|until|cannot|answer|account|your)\b/i;
/** What clients were told and providers said, which is not ours to translate; and what a record says as it was written. */
const QUOTED = ["the model is out of order", "messages[0].content: too long for this model", "You exceeded your current quota", "Incorrect API key provided", "file is not a database", "already tried for this request", "is the built-in offline provider", "cannot connect to", "nothing listens there; start the server, or correct"];

check("in German no sentence is left in English", async () => {
  const states = await Promise.all(["empty", "busy", "refused", "taken", "misconfigured", "damaged"].map(state));
  const left = new Set();
  for (const { agent, paths, base } of states) {
    const visitor = await visit(agent, { german: true });
    if (base) visitor.base = base;
    for (const path of paths) {
      await visitor.open(path);
      // What providers and clients said, and names, are not ours to translate.
      const texts = await visitor.page.evaluate(() => {
        for (const element of document.querySelectorAll("code, pre, kbd, option, select, textarea, a.brand, [lang]:not(html), .why q, q")) element.remove();
        const attributes = [...document.querySelectorAll("[title], [aria-label], [placeholder], [data-label]")]
          .flatMap((element) => ["title", "aria-label", "placeholder", "data-label"].map((name) => element.getAttribute(name)));
        return [...document.body.innerText.split("\n"), ...attributes].filter(Boolean);
      });
      for (const text of texts) {
        const own = QUOTED.reduce((rest, quoted) => rest.replaceAll(quoted, ""), text).replace(/^Der Client erhielt: .*/, "");
        if (ENGLISH.test(own)) left.add(`${path}: ${text}`);
      }
    }
  }
  assert.deepEqual([...left], []);
});
