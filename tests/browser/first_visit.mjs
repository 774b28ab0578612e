// The way of a new person, from an empty home to the first figures.

import assert from "node:assert/strict";

import { check } from "./cases.mjs";
import { Agent, until } from "./rig.mjs";
import { Upstream } from "./upstream.mjs";
import { NARROW, visit } from "./visitor.mjs";

const ticked = (page) => page.locator("ol.steps .state.ready").count();

check("a new person gets from an empty home to the first figures with the demo", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  const { page } = visitor;
  assert.equal(await visitor.verdict(), "Nothing to serve with yet.");
  assert.equal(await ticked(page), 0);

  await page.getByLabel("Message").fill("What can you do?");
  await page.getByRole("button", { name: "Send" }).click();
  await visitor.sees("status 200.");
  assert.equal(await ticked(page), 1);
  await page.getByText("Request and answer").click();
  assert.match(await page.locator("pre").first().innerText(), /What can you do\?/);
  await page.getByRole("link", { name: "See the record" }).click();
  assert.match(await visitor.verdict(), /^Served/);

  // The page that waits goes on by itself.
  await page.getByRole("link", { name: "Dashboard" }).click();
  await visitor.sees("Waiting for the first request");
  await page.waitForTimeout(300);
  assert.equal((await agent.ask("demo", { agent: "OpenAI/Python 1.2.3" })).status, 200);
  await visitor.sees("Requests today");
  assert.equal(await page.locator(".figures dd.value").first().innerText(), "2");

  await page.locator(".figures dd.value a").first().click();
  assert.match(visitor.path, /^monitoring\?since=/);
  assert.equal(await page.locator("table.requests tbody").count(), 2);
  assert.match(await page.locator("table.requests tbody").first().innerText(), /openai-python/);
  await page.locator("table.requests tbody").first().getByRole("link").first().click();
  assert.match(visitor.path, /^requests\//);
  const { id } = (await agent.facts("log")).rows?.[0] ?? (await agent.facts("log"))[0];
  assert.ok(visitor.path.includes(id), visitor.path);

  await page.getByRole("link", { name: "Token statistics" }).click();
  assert.match(await visitor.verdict(), /tokens in 7 days/);
  assert.equal(await page.locator(".figures dd.value").first().innerText(), "2");
});

check("a new person gets from an empty home to an account of a provider, in German, on a phone", async () => {
  const upstream = await Upstream.start();
  const agent = await Agent.start({ config: upstream.config() });
  const visitor = await visit(agent, { german: true, viewport: NARROW });
  const { page } = visitor;
  assert.equal(await visitor.verdict(), "Noch kein Konto verfügbar.");
  await visitor.press(page.getByRole("link", { name: "Konto hinzufügen" }));
  await visitor.send("accounts#add", { provider: "lab" });
  await visitor.send("accounts/add", { name: "mein-konto", key: "sk-mein-konto-1" });
  assert.equal(await visitor.verdict(), "mein-konto ist verfügbar.");
  await visitor.press(page.getByRole("link", { name: "Übersicht" }));
  assert.equal(await ticked(page), 1);
  await visitor.sees("Schon da: mein-konto.");

  // The first request fails, and the page says why; the second one is served.
  await page.waitForTimeout(300);
  upstream.script.set("m-large", { status: 400, message: "too long for this model" });
  assert.equal((await agent.ask("lab/m-large", { agent: "claude-cli/2.1.0" })).status, 400);
  await visitor.sees(/kam eine Anfrage von claude-code an und schlug fehl/);
  await page.waitForTimeout(300);
  assert.equal((await agent.ask("lab/m", { agent: "claude-cli/2.1.0" })).status, 200);
  await visitor.sees("Anfragen heute");
  assert.equal(await visitor.verdict(), "In Betrieb.");
  await visitor.press(page.locator("nav.site").getByRole("link", { name: "Anfragen" }));
  const row = page.locator("table.requests tbody").first();
  assert.match(await row.innerText(), /mein-konto/);
  await visitor.press(row.getByRole("link").first());
  assert.match(await visitor.text(), /12\.000 = 3\.000 neu \+ 9\.000 aus dem Cache/);
  await visitor.press(page.locator("nav.site").getByRole("link", { name: "Token-Statistik" }));
  assert.match(await visitor.verdict(), /^12,3 Tsd\. Token in 7 Tagen, 75,0 % der Eingabe/);
});
