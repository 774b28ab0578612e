// Every page in every state, as different people see it: laid out well, without findings of axe, and as a picture to look at.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import { check } from "./cases.mjs";
import { faults, lengthen, unfold } from "./layout.mjs";
import { Agent } from "./rig.mjs";
import { STATE_NAMES, state } from "./states.mjs";
import { Upstream } from "./upstream.mjs";
import { NARROW, WIDE, visit } from "./visitor.mjs";

const require = createRequire(`${process.env.BROWSER_TOOLS}/`);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const SCREENSHOTS = join(process.env.BROWSER_FOLDER, "screenshots");

const LOOKS = {
  "en-light-1440": { german: false, dark: false, viewport: WIDE },
  "de-dark-360": { german: true, dark: true, viewport: NARROW },
  "de-light-360": { german: true, dark: false, viewport: NARROW },
  "en-dark-1440": { german: false, dark: true, viewport: WIDE },
};
/** The first two have both of everything; the busiest state is seen by all. */
const looksOf = (name) => Object.entries(LOOKS).slice(0, name === "busy" || process.env.EVERY_LOOK ? 4 : 2);

/** Serious findings of axe, a line each. It runs beside the page, so the page's policy stays in force. No rule of weight wants the
 * stylesheets loaded a second time. */
async function findings(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"], preload: false }));
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
}

const file = (path) => (path === "" ? "dashboard" : path.replace(/requests\/\w{6}/, "request-").replace(/[^\w=&-]+/g, "_"));

/** Everything that is wrong with the page that is open. */
async function wrong(page, isNarrow) {
  const found = [...(await page.evaluate(faults))];
  await page.evaluate(unfold);
  for (const fault of await page.evaluate(faults)) found.push(`unfolded: ${fault}`);
  found.push(...(await findings(page)));
  if (isNarrow) {
    await page.evaluate(lengthen);
    for (const fault of await page.evaluate(faults)) found.push(`with longer words: ${fault}`);
  }
  return found;
}

/** A picture of the whole page. The browser packs it quickly rather than tightly, which halves the time. */
async function picture(page, name) {
  const browser = await remote(page);
  const { cssContentSize: { width, height } } = await browser.send("Page.getLayoutMetrics");
  const whole = { captureBeyondViewport: true, clip: { x: 0, y: 0, width, height, scale: 1 } };
  const { data } = await browser.send("Page.captureScreenshot", { format: "png", optimizeForSpeed: true, ...whole });
  await writeFile(join(SCREENSHOTS, `${name}.png`), Buffer.from(data, "base64"));
}

const remotes = new WeakMap();

function remote(page) {
  if (!remotes.has(page)) remotes.set(page, page.context().newCDPSession(page));
  return remotes.get(page);
}

for (const name of STATE_NAMES) {
  for (const [look, person] of looksOf(name)) {
    check(`the pages look well: ${name}, ${look}`, async () => {
      const { agent, paths, base } = await state(name);
      const visitor = await visit(agent, person);
      if (base) visitor.base = base;
      const found = [];
      for (const [at, path] of paths.entries()) {
        await visitor.open(path);
        await picture(visitor.page, `${name}-${look}-${at}-${file(path)}`);
        for (const fault of await wrong(visitor.page, person.viewport === NARROW)) found.push(`${path || "dashboard"}: ${fault}`);
      }
      assert.deepEqual([...new Set(found)], []);
    });
  }
}

check("every page is light with a hundred thousand records", async () => {
  const { agent, paths } = await state("full");
  const visitor = await visit(agent);
  const heavy = [];
  for (const path of [...paths, "statistics?range=30d&by=model&show=cost", "statistics?range=12m&by=account", "statistics?range=today&by=model"]) {
    const bytes = Buffer.byteLength(await (await visitor.page.request.get(visitor.base + path)).text());
    console.log(`        ${(bytes / 1000).toFixed(1).padStart(5)} kB  ${path || "dashboard"}`);
    if (bytes >= 60_000) heavy.push(`${path || "dashboard"}: ${bytes} bytes`);
  }
  assert.deepEqual(heavy, []);
});

for (const [look, person] of looksOf("").slice(0, 2)) {
  check(`the pages that follow a form look well: ${look}`, async () => {
    const upstream = await Upstream.start();
    const agent = await Agent.start({ config: upstream.config() + upstream.configWithSignIn() });
    await agent.addAccount("work");
    const visitor = await visit(agent, person);
    const { page } = visitor;
    const found = [];
    const looks = async (name) => {
      await picture(page, `form-${look}-${name}`);
      for (const fault of await wrong(page, person.viewport === NARROW)) found.push(`${name}: ${fault}`);
    };
    await visitor.send("try", { message: "hello" }, ".primary");
    await looks("tried");
    await visitor.open("accounts/work");
    await visitor.send("accounts/work/test");
    await looks("tested");
    await visitor.open("accounts/work");
    await visitor.send("accounts/work/set", { budgets: "all of it" });
    await looks("refused-settings");
    await visitor.open("accounts?provider=lab");
    await visitor.send("accounts/add", { name: "not/a name", key: "sk-refused-1" });
    await looks("refused-account");
    await visitor.open("accounts?provider=signed");
    await visitor.send("accounts/add", { name: "mine" }, "[value=browser]");
    await looks("sign-in");
    await visitor.open("proxy");
    await visitor.send("proxy/access", { auth_mode: "strict", allowed_hosts: "box.lan" });
    await looks("difference");
    await visitor.open("proxy");
    await visitor.send("proxy/create-key", { name: "ci", requests_day: "2" });
    await looks("key");
    await visitor.open("settings");
    await visitor.send("settings/save", { "record.bytes_max": "1 apple" });
    await looks("refused-setting");
    await visitor.open("nowhere/at/all");
    await looks("nowhere");
    await visitor.open("");
    await visitor.send("sign-out");
    await looks("signed-out");
    await visitor.open("accounts");
    await looks("no-session");
    assert.deepEqual([...new Set(found)], []);
  });
}
