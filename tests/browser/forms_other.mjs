// The forms of the dashboard, of Monitoring, of a request and of the statistics.

import assert from "node:assert/strict";

import { check } from "./cases.mjs";
import { Agent, until } from "./rig.mjs";
import { Upstream } from "./upstream.mjs";
import { visit } from "./visitor.mjs";

check("the port is closed and opened on the dashboard", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  await visitor.send("stop");
  await until("it says so", async () => (await visitor.open(""), (await visitor.verdict()) === "Stopped."));
  assert.match(await visitor.page.title(), /^Stopped · /);
  await assert.rejects(agent.ask("demo"));
  await visitor.send("start");
  await until("it serves", async () => (await agent.facts("status")).state === "running");
  agent.url = (await agent.facts("status")).base_url;
  assert.equal((await agent.ask("demo")).status, 200);
});

check("a try that cannot be sent keeps what was typed", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  await agent.run(["stop"]);
  await visitor.isRefused("try", { message: "Is anybody there?" }, /port|serving|stopped/i, { button: ".primary" });
  await agent.run(["start"]);
  assert.equal(await visitor.send("try", {}, ".primary"), 200);
  await visitor.sees("status 200.");
});

check("signing out ends the session", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  await visitor.send("sign-out");
  assert.equal(await visitor.verdict(), "Signed out");
  assert.equal(await visitor.open("settings"), 403);
  assert.match(await visitor.text(), /opens with a link that works once/);
  await visitor.enter();
  assert.equal(await visitor.open("settings"), 200);
});

check("requests are filtered by the URL, and a filter that means nothing is kept", async () => {
  const upstream = await Upstream.start();
  const agent = await Agent.start({ config: upstream.config() });
  await agent.addAccount("work");
  upstream.script.set("m-large", { status: 400, message: "too long" });
  for (const model of ["lab/m", "lab/m-large", "demo"]) await agent.ask(model);
  const visitor = await visit(agent);
  const { page } = visitor;
  const rows = () => page.locator("table.requests tbody").count();
  await visitor.open("monitoring");
  assert.equal(await rows(), 3);
  await visitor.send("monitoring", { ending: "failed,refused" });
  assert.equal(await rows(), 1);
  assert.match(visitor.path, /^monitoring\?ending=failed%2Crefused$/);
  await visitor.send("monitoring", { ending: "", account: "work", since: "1h" });
  assert.equal(await rows(), 2);
  await page.reload();
  assert.equal(await page.locator("[name=since]").inputValue(), "1h");
  await visitor.isRefused("monitoring", { since: "last tuesday" }, /last tuesday|7d|24h/);
  await visitor.isRefused("monitoring", { since: "", until: "later" }, /later|7d|24h/);
  await visitor.open("monitoring?account=work&model=demo");
  await visitor.press(page.locator("[data-live-empty] a"));
  assert.ok((await rows()) > 0);
  await visitor.press(page.getByRole("link", { name: "Show all" }));
  assert.equal(await rows(), 3);
});

check("new requests arrive in the list by themselves, and wait while it is in use", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("monitoring");
  await page.locator("[data-live-lamp].busy").waitFor();
  await agent.ask("demo");
  await page.locator("table.requests tbody").first().waitFor();
  await page.locator("table.requests tbody a").first().focus();
  await agent.ask("demo");
  const waiting = page.locator("[data-live-new]");
  await waiting.waitFor();
  assert.match(await waiting.innerText(), /^1 /);
  assert.equal(await page.locator("table.requests tbody").count(), 1);
  await waiting.click();
  assert.equal(await page.locator("table.requests tbody").count(), 2);
  await visitor.press(page.locator("a:has([data-live-lamp])"));
  await agent.ask("demo");
  await page.waitForTimeout(700);
  assert.equal(await page.locator("table.requests tbody").count(), 2, "paused");
});

check("a request's bodies are kept when asked for, compared, copied and sent again", async () => {
  const upstream = await Upstream.start();
  const agent = await Agent.start({ config: upstream.config() });
  await agent.addAccount("work");
  await agent.ask("lab/m");
  const newest = async (count) => {
    const rows = await until("it is recorded", async () => {
      const { rows } = await agent.facts("log");
      return rows.length >= count && rows;
    });
    return rows[0].id;
  };
  const visitor = await visit(agent);
  const { page } = visitor;
  const bodies = async () => (await agent.facts("records")).bodies;
  const first = await newest(1);
  await visitor.open(`requests/${first}`);
  for (const [how, mode] of [["minutes", "all"], ["configured", "off"], ["failures", "errors"], ["configured", "off"], ["always", "all"]]) {
    await visitor.press(page.locator(`form[action$="/keep"]:has([value=${how}]) button`));
    assert.equal((await bodies()).mode, mode, how);
  }
  await agent.ask("lab/m", { message: "keep this" });
  const kept = await newest(2);
  await visitor.open(`requests/${kept}`);
  await visitor.sees("The same bytes but the model's name.");
  await page.getByText(/^client sent: /).click();
  assert.match(await page.locator("#bodies pre:visible").last().innerText(), /keep this/);
  await page.getByText("As a curl command").click();
  await page.getByRole("button", { name: "Copy as curl" }).click();
  const curl = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(curl, /^curl .*chat\/completions/s);
  assert.ok(!curl.includes("sk-work"), curl);
  await visitor.send(`requests/${kept}/again`);
  assert.match(visitor.path, /^requests\//);
  assert.ok(!visitor.path.includes(kept), visitor.path);
  assert.match(await visitor.text(), /Sends again/);
  assert.equal(upstream.received.filter(({ body }) => body.includes("keep this")).length, 2);
});

check("statistics are asked by days of one's own, and saved as a file", async () => {
  const upstream = await Upstream.start();
  const agent = await Agent.start({ config: upstream.config() });
  await agent.addAccount("work");
  upstream.script.set("m-large", { headers: {} });
  for (const model of ["lab/m", "lab/m-large", "demo"]) await agent.ask(model, { agent: "=cmd()/1.0" });
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("statistics");
  await visitor.open("statistics?from=2026-02-31&to=someday");
  assert.match(await page.locator("#bad-days").innerText(), /2026-\d\d-\d\d/);
  await visitor.send("statistics", { from: "2020-01-31", to: "2020-01-01" });
  assert.match(await visitor.verdict(), /^No requests from 1 Jan 2020 to 31 Jan 2020/);
  await visitor.send("statistics", { from: "2020-01-01", to: "2020-01-31" });
  assert.match(await visitor.verdict(), /^No requests/);
  await visitor.open("statistics?range=today&by=model");
  assert.equal(await page.locator(".figures dd.value").first().innerText(), "3");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download CSV" }).click()]);
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  const csv = Buffer.concat(chunks).toString();
  assert.match(csv, /m-large/);
  assert.doesNotMatch(csv, /(^|,)"?[=+@]/m);
});
