// Opens the dashboard in a real browser without a screen.
//
//   tests/run browser                       all cases
//   node tests/browser/run.mjs WORD…        those whose names contain a word
//
// AEROSTAT_BIN is the program, CHROMIUM the browser, BROWSER_TOOLS the folder of the npm packages, BROWSER_FOLDER where screenshots
// go, and FILLED a `records.db` with many records. All of them are set by `tests/run`.

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { chosen, endShared, inScope } from "./cases.mjs";
import { endBrowser, startBrowser } from "./visitor.mjs";

import "./first_visit.mjs";
import "./forms_accounts.mjs";
import "./forms_proxy.mjs";
import "./forms_settings.mjs";
import "./forms_other.mjs";
import "./access.mjs";
import "./hostile.mjs";
import "./sweep.mjs";

/** The machine that this runs on has two cores, and Chromium and the agent wait for each other. */
const AT_A_TIME = 3;
const CASE_MS = 240_000;

async function timed({ does }) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`took over ${CASE_MS / 1000} s`)), CASE_MS); });
  try {
    await Promise.race([inScope(does), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function run(cases) {
  const queue = [...cases];
  let failed = 0;
  const work = async () => {
    for (let one = queue.shift(); one; one = queue.shift()) {
      const started = Date.now();
      try {
        await timed(one);
        console.log(`ok      ${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s  ${one.name}`);
      } catch (error) {
        failed += 1;
        console.log(`FAILED  ${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s  ${one.name}\n${error.stack}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return failed;
}

const cases = chosen(process.argv.slice(2));
await rm(process.env.BROWSER_FOLDER, { recursive: true, force: true });
await mkdir(join(process.env.BROWSER_FOLDER, "screenshots"), { recursive: true });
await startBrowser();
const failed = await run(cases);
await endShared();
await endBrowser();
console.log(`${cases.length} cases ran`);
process.exit(failed > 0 || cases.length === 0 ? 1 : 0);
