// Names, models, errors and programs that are made to break a page: nothing of them is executed, and the pages still look well.

import assert from "node:assert/strict";

import { check } from "./cases.mjs";
import { faults, unfold } from "./layout.mjs";
import { Agent, until } from "./rig.mjs";
import { Upstream } from "./upstream.mjs";
import { NARROW, WIDE, visit } from "./visitor.mjs";

const HOSTILE = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(2)>',
  "'onmouseover='alert(3)",
  "</title></textarea></style><svg onload=alert(4)>",
  "javascript:alert(5)",
  "\u202eevil\u2066text\u200b",
  "W".repeat(2_000),
  "a ".repeat(1_000).trim(),
];
/** What the pages may be asked for, as a part of an address. */
const QUERIES = ["monitoring?model=", "monitoring?asked=", "monitoring?since=", "statistics?by=", "statistics?only=", "accounts?provider=", "accounts?model=", "proxy?try=", "proxy?key=", "proxy?models=", "proxy?client=", "settings?q=", "requests/", "accounts/", "sign-in/"];

async function hostileAgent() {
  const upstream = await Upstream.start();
  const agent = await Agent.start({ config: upstream.config() });
  const name = "n".repeat(64);
  await agent.addAccount(name).catch(() => agent.addAccount("work"));
  await agent.run(["records", "bodies", "all", "--for", "1h"]);
  upstream.models = ["m", ...HOSTILE];
  for (const [at, text] of HOSTILE.entries()) {
    const model = `model-${at} ${text}`.slice(0, 1_900);
    const ascii = text.replace(/[^\x20-\x7e]/g, "?");
    upstream.script.set(model, { status: at % 2 ? 400 : 401 + 99 * (at % 3), message: text, code: text.slice(0, 200) });
    await agent.ask(`lab/${model}`, { agent: ascii, message: text });
    await agent.ask(text, { agent: `${ascii.slice(0, 60)}/1.0` });
    await agent.ask("lab/m", { agent: ascii, message: text, user: text });
    upstream.script.set("m", { said: text });
  }
  const { rows } = await until("all are recorded", async () => {
    const log = await agent.facts("log");
    return log.rows.length >= HOSTILE.length * 3 && log;
  });
  return { agent, ids: rows.map(({ id }) => id) };
}

for (const [look, viewport] of [["1440", WIDE], ["360", NARROW]]) {
  check(`names, models, errors and programs break no page: ${look}`, async () => {
    const { agent, ids } = await hostileAgent();
    const visitor = await visit(agent, { viewport });
    const { page } = visitor;
    await page.exposeFunction("alert", () => visitor.complaints.push("something of it was executed"));
    const [account] = (await agent.facts("account", "list")).filter((one) => one.provider === "lab");
    const paths = ["", "accounts", `accounts/${account.name}`, "proxy", "proxy?models=lab", "monitoring", "statistics?range=today&by=model", "statistics?range=today&by=client", ...ids.slice(0, 8).map((id) => `requests/${id}`)];
    const found = [];
    for (const path of paths) {
      await visitor.open(path);
      await page.evaluate(unfold);
      for (const fault of await page.evaluate(faults)) found.push(`${path}: ${fault}`);
      assert.equal(await page.locator("img[src=x], main script, [onmouseover], [onerror], svg[onload]").count(), 0, path);
      const hidden = await page.evaluate(() => /[\u200b-\u200f\u202a-\u202e\u2066-\u2069]/.test(document.documentElement.outerHTML));
      assert.ok(!hidden, `${path}: characters that reorder text`);
    }
    assert.deepEqual([...new Set(found)], []);
  });
}

check("addresses made of markup are text on the page that they lead to", async () => {
  const agent = await Agent.start();
  await agent.ask("demo");
  const visitor = await visit(agent, { viewport: NARROW });
  const { page } = visitor;
  const found = [];
  for (const query of QUERIES) {
    for (const text of [HOSTILE[1], HOSTILE[4], HOSTILE[5], HOSTILE[6]]) {
      const status = await visitor.open(query + encodeURIComponent(text));
      assert.ok(status < 500, `${query}${text.slice(0, 40)}: ${status}`);
      assert.equal(await page.locator("img[src=x], main script, [onmouseover], [onerror], svg[onload], a[href^='javascript:']").count(), 0, query + text);
      for (const fault of await page.evaluate(faults)) found.push(`${query}${text.slice(0, 40)}: ${fault}`);
    }
  }
  assert.deepEqual([...new Set(found)], []);
});

check("the cookie is out of a script's reach, and nothing of another site comes in or is asked", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  const { page } = visitor;
  assert.equal(await page.evaluate(() => document.cookie), "");
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Strict"]);
  // The page's own policy stops what a script in it would do.
  const stopped = await page.evaluate(async () => {
    const policies = [];
    addEventListener("securitypolicyviolation", (event) => policies.push(event.effectiveDirective));
    const element = document.createElement("script");
    element.textContent = "window.wasRun = true";
    document.body.append(element);
    document.body.setAttribute("style", "color: red");
    await fetch("http://127.0.0.1:1/").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { policies, wasRun: window.wasRun === true };
  });
  assert.equal(stopped.wasRun, false);
  assert.deepEqual([...new Set(stopped.policies)].sort(), ["connect-src", "script-src-elem", "style-src-attr"]);
  visitor.complaints.length = 0;

  // A page of another origin shows no frame of it, reads nothing, and sends no form with the session.
  const other = await page.context().newPage();
  await other.route("http://elsewhere.example/", (route) => route.fulfill({
    contentType: "text/html",
    body: `<iframe src="${visitor.base}"></iframe><form method="post" action="${visitor.base}stop"><button>go</button></form>`,
  }));
  await other.goto("http://elsewhere.example/");
  assert.equal(await other.evaluate((url) => fetch(url, { credentials: "include" }).then(() => "read", () => "refused"), visitor.base), "refused");
  assert.doesNotMatch(await other.frames()[1].content().catch(() => ""), /Requests today|Nothing to serve/);
  const [answer] = await Promise.all([other.waitForNavigation(), other.getByRole("button").click()]);
  assert.equal(answer.status(), 403);
  assert.equal((await agent.ask("demo")).status, 200, "the port stayed open");
});
