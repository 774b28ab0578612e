// Every page in every state, as different people see it: laid out well, without findings of axe, and as a picture to look at.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { check } from "./cases.mjs";
import { faults, lengthen, unfold } from "./layout.mjs";
import { STATE_NAMES, state } from "./states.mjs";
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

/** Serious findings of axe, a line each. It runs beside the page, so the page's policy stays in force. */
async function findings(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
}

const file = (path) => (path === "" ? "dashboard" : path.replace(/requests\/\w{6}/, "request-").replace(/[^\w=&-]+/g, "_"));

for (const name of STATE_NAMES) {
  for (const [look, person] of looksOf(name)) {
    check(`the pages look well: ${name}, ${look}`, async () => {
      const { agent, paths, base } = await state(name);
      const visitor = await visit(agent, person);
      if (base) visitor.base = base;
      const { page } = visitor;
      const found = [];
      for (const [at, path] of paths.entries()) {
        await visitor.open(path);
        const note = (what) => found.push(`${path || "dashboard"}: ${what}`);
        await page.screenshot({ path: join(SCREENSHOTS, `${name}-${look}-${at}-${file(path)}.png`), fullPage: true, animations: "disabled" });
        for (const fault of await page.evaluate(faults)) note(fault);
        await page.evaluate(unfold);
        for (const fault of await page.evaluate(faults)) note(`unfolded: ${fault}`);
        for (const finding of await findings(page)) note(finding);
        if (person.viewport === NARROW) {
          await page.evaluate(lengthen);
          for (const fault of await page.evaluate(faults)) note(`with longer words: ${fault}`);
        }
      }
      assert.deepEqual([...new Set(found)], []);
    });
  }
}
