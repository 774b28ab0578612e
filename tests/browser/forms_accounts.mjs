// Every form of the pages of accounts: with what is right, seen from outside, and with what is not.

import assert from "node:assert/strict";

import { check } from "./cases.mjs";
import { Agent, KEY_VARIABLE, until } from "./rig.mjs";
import { Upstream } from "./upstream.mjs";
import { visit } from "./visitor.mjs";

async function lab(names = []) {
  const upstream = await Upstream.start();
  const agent = await Agent.start({ config: upstream.config() + upstream.configWithSignIn() });
  for (const name of names) await agent.addAccount(name);
  return { upstream, agent, visitor: await visit(agent) };
}

const account = async (agent, name) => (await agent.facts("account", "list")).find((one) => one.name === name);

check("an account is added by its form and serves", async () => {
  const { upstream, agent, visitor } = await lab();
  const { page } = visitor;
  await visitor.open("accounts");
  await visitor.send("accounts#add", { provider: "lab" });
  await visitor.isRefused("accounts/add", { name: "not/a name", key: "sk-good-1" }, /name|letters/i, { secrets: ["key"] });
  await visitor.isRefused("accounts/add", { name: "work", key: "sk-refused-1" }, /no such key: <b>bold<\/b> & more/, { secrets: ["key"] });
  await visitor.isRefused("accounts/add", { name: "work", key: "" }, /key/i);
  assert.deepEqual(await agent.facts("account", "list").then((list) => list.filter((one) => one.name === "work")), []);

  assert.equal(await visitor.send("accounts/add", { name: "work", key: "sk-good-1" }), 200);
  assert.equal(visitor.path, "accounts/work");
  assert.equal(await visitor.verdict(), "work can serve.");
  assert.equal((await agent.ask("lab/m")).status, 200);
  assert.equal(upstream.received.at(-1).key, "Bearer sk-good-1");

  await visitor.open("accounts?provider=lab");
  await visitor.isRefused("accounts/add", { name: "work", key: "sk-good-2" }, /work/, { secrets: ["key"] });
  await visitor.isRefused("accounts/add", { name: "other", variable: "not a variable" }, /variable/i);
  assert.equal(await visitor.send("accounts/add", { name: "other", variable: KEY_VARIABLE }), 200);
  assert.match(await visitor.text(), new RegExp(KEY_VARIABLE));
  assert.equal((await account(agent, "other")).variable, KEY_VARIABLE);
  assert.ok(!(await page.content()).includes("sk-good-1"));
});

check("a refused key can be stored all the same, and is replaced on the account's page", async () => {
  const { agent, visitor } = await lab();
  await visitor.open("accounts?provider=lab");
  await visitor.send("accounts/add", { name: "work", key: "sk-refused-1", keep: true });
  await visitor.open("accounts/work");
  await visitor.isRefused("accounts/work/key", { key: "sk-refused-2" }, /no such key/, { secrets: ["key"] });
  await visitor.isRefused("accounts/work/key", { key: "" }, /key/i);
  assert.equal(await visitor.send("accounts/work/key", { key: "sk-good-3" }), 200);
  await visitor.open("accounts/work");
  assert.equal(await visitor.verdict(), "work can serve.");
  assert.equal((await agent.ask("lab/m")).status, 200);
});

check("a sign-in with the browser goes on by itself, and can be cancelled", async () => {
  const { upstream, agent, visitor } = await lab();
  const { page } = visitor;
  visitor.allow(upstream.address, "http://127.0.0.1");
  await visitor.open("accounts?provider=signed");
  await visitor.send("accounts/add", { name: "mine" }, "[value=browser]");
  assert.match(visitor.path, /^sign-in\//);
  assert.match(await visitor.verdict(), /^A sign-in at signed waits/);
  const waiting = visitor.path;
  await visitor.open("accounts");
  await visitor.press(page.getByRole("link", { name: "Go on" }));
  assert.equal(visitor.path, waiting);
  await visitor.send(`${waiting}/cancel`);
  assert.equal(visitor.path, "accounts");
  assert.equal(await page.getByRole("link", { name: "Go on" }).count(), 0);

  await visitor.open("accounts?provider=signed");
  await visitor.send("accounts/add", { name: "mine" }, "[value=browser]");
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.getByRole("link", { name: /Open the sign-in of signed/ }).click()]);
  await popup.waitForLoadState();
  await visitor.sees(/mine is signed in/);
  await visitor.press(page.getByRole("link", { name: "To mine" }));
  assert.equal(await visitor.verdict(), "mine can serve.");
  assert.equal((await agent.ask("signed/m")).status, 200);
  assert.equal(upstream.received.at(-1).key, "Bearer access");

  await visitor.open("accounts/mine");
  await visitor.isRefused("accounts/mine/key", { service_account: "{not json" }, /JSON|service account/i, { secrets: ["service_account"] });
});

check("an account's settings are set, and wrong ones are named beside their fields", async () => {
  const { agent, visitor } = await lab(["work"]);
  await visitor.open("accounts/work");
  const wrong = { priority: "high", concurrency: "0", expires: "someday", proxy: "nonsense://x", budgets: "all of it" };
  for (const [name, value] of Object.entries(wrong)) {
    await visitor.isRefused("accounts/work/set", { [name]: value }, new RegExp(name === "priority" ? "number" : "expected", "i"));
    assert.equal(await visitor.form("accounts/work/set").locator(`[name=${name}]`).getAttribute("aria-invalid"), "true", name);
    await visitor.open("accounts/work");
  }
  const right = { priority: "50", concurrency: "3", expires: "2031-01-31", models: "m, m-*", budgets: "1000 requests/month" };
  assert.equal(await visitor.send("accounts/work/set", right), 200);
  const facts = await account(agent, "work");
  assert.deepEqual([facts.priority, facts.concurrency, facts.models], [50, 3, ["m", "m-*"]]);
  assert.match(JSON.stringify(facts), /1000 requests\/month/);
  for (const [name, value] of Object.entries(right)) {
    assert.match(await visitor.form("accounts/work/set").locator(`[name=${name}]`).inputValue(), new RegExp(value.replace("*", "\\*")), name);
  }
});

check("accounts are switched, ordered, tested, and their rests ended", async () => {
  const { upstream, agent, visitor } = await lab(["one", "two"]);
  const { page } = visitor;
  await visitor.open("accounts");
  assert.equal(await visitor.verdict(), "Both accounts can serve.");
  await visitor.send("accounts/two/earlier");
  assert.deepEqual(await page.locator("table.pairs th[scope=row] a").allInnerTexts(), ["two", "one"]);
  assert.ok((await account(agent, "two")).priority < (await account(agent, "one")).priority);
  await visitor.send("accounts/two/later");
  await visitor.send("accounts/two/later").catch(() => {});
  await visitor.send("accounts/two/disable");
  assert.equal((await account(agent, "two")).enabled, false);
  await visitor.send("accounts/two/enable");
  assert.equal((await account(agent, "two")).enabled, true);

  upstream.models = ["m", "<i>m</i>"];
  await visitor.send("accounts/one/test");
  await page.getByText("It lists 2 models").click();
  await visitor.sees("<i>m</i>");

  upstream.script.set("m", { status: 429, code: "insufficient_quota", message: "You exceeded your current quota", headers: { "retry-after": "600" } });
  await agent.ask("lab/m");
  await visitor.open("accounts?model=m");
  assert.equal(await page.locator("input[name=model]").inputValue(), "m");
  const resting = await until("one rests", async () => (await agent.facts("account", "list")).find((one) => one.status.until));
  await visitor.open(`accounts/${resting.name}`);
  assert.match(await visitor.verdict(), /rests until/);
  await visitor.send(`accounts/${resting.name}/clear`);
  assert.equal(await visitor.verdict(), `${resting.name} can serve.`);
});

check("a changed address is only used once the reader says so", async () => {
  const { upstream, agent, visitor } = await lab(["work"]);
  const config = await agent.config();
  const moved = `${upstream.address.replace("127.0.0.1", "localhost")}/v1`;
  await agent.write("config.toml", config.replace(`[providers.lab]\nprotocol = "openai_chat"\nbase_url = "${upstream.address}/v1"`, `[providers.lab]\nprotocol = "openai_chat"\nbase_url = "${moved}"`));
  await until("it waits for the reader", async () => JSON.stringify(await account(agent, "work")).includes("address"));
  await visitor.open("accounts/work");
  assert.match(await visitor.text(), /is sent there only once you say so/);
  await visitor.send("accounts/work/address");
  await visitor.open("accounts/work");
  assert.equal(await visitor.verdict(), "work can serve.");
  assert.equal((await agent.ask("lab/m")).status, 200);
});

check("an account is removed after it was asked for, with or without its figures", async () => {
  const { agent, visitor } = await lab(["one", "two"]);
  for (let at = 0; at < 4; at += 1) await agent.ask("lab/m", { message: `hello ${at}` });
  await visitor.open("accounts/one");
  await visitor.isRefused("accounts/one/remove", { sure: false }, /Tick the box/);
  await visitor.send("accounts/one/remove", { sure: true, figures: "keep" });
  assert.equal(visitor.path, "accounts");
  assert.equal(await account(agent, "one"), undefined);
  const of = async (name) => JSON.stringify(await agent.facts("stats", "--by", "account")).includes(`"${name}"`);
  await visitor.open("accounts/two");
  const kept = [await of("one"), await of("two")];
  await visitor.send("accounts/two/remove", { sure: true, figures: "forget" });
  assert.deepEqual([await of("one"), await of("two")], [kept[0], false]);
  assert.equal(await visitor.open("accounts/two"), 404);
});
