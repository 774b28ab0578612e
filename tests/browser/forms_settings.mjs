// Every form of the settings: with what is right, seen from outside, and with what is not.

import assert from "node:assert/strict";

import { check } from "./cases.mjs";
import { Agent } from "./rig.mjs";
import { visit } from "./visitor.mjs";

const WRITE = { name: "Write to config.toml" };

check("settings are saved after their difference was seen, and wrong ones keep what was typed", async () => {
  const agent = await Agent.start({ config: "# mine\n[scheduling]\nmax_attempts = 3 # few\n" });
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("settings");
  const wrong = {
    "scheduling.max_attempts": ["0", /whole number from 1/],
    "record.bytes_max": ["1 apple", /at least [\d,]+ bytes/],
    allowed_hosts: ["http://x/", /host names/],
    cors_origins: ["x", /origins such as/],
    "notifications.expiry_days": ["soon", /whole number/],
    metrics_port: ["65536", /port from 0 to 65,535/],
  };
  for (const [name, [value, says]] of Object.entries(wrong)) {
    await visitor.isRefused("settings/save", { [name]: value }, says);
    assert.match(await visitor.text(), /Nothing was changed: what is marked is not possible/, name);
    assert.equal(await page.locator(`[name="${name}"]`).getAttribute("aria-invalid"), "true", name);
    await visitor.open("settings");
  }
  // A proxy may hold a password: it is not written into a page.
  await visitor.isRefused("settings/save", { "network.proxy": "ftp://me:hunter2@x" }, /Expected a proxy/, { secrets: ["network.proxy"] });
  assert.ok(!(await page.content()).includes("hunter2"));

  await visitor.open("settings");
  await visitor.send("settings/save", { "scheduling.max_attempts": "5", "record.keep_days": "14", "record.enabled": false, "scheduling.mode": "balance" });
  assert.equal(await visitor.verdict(), "Nothing is changed yet.");
  assert.match(await visitor.text(), /Requests are no longer recorded/);
  await visitor.press(page.getByRole("button", WRITE));
  const config = await agent.config();
  assert.match(config, /# mine\n\[scheduling\]\nmax_attempts = 5 # few\n/);
  assert.match(config, /keep_days = 14/);
  const value = async (key) => (await agent.run(["config", "get", key])).trim();
  assert.deepEqual([await value("record.enabled"), await value("record.keep_days")], ["false", "14"]);

  await page.getByText("19 settings").click();
  await visitor.press(page.locator("button[value='record.keep_days']"));
  await visitor.press(page.getByRole("button", WRITE));
  assert.equal(await value("record.keep_days"), "30");
});

check("an edit from elsewhere is not overwritten", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("settings");
  await visitor.send("settings/save", { "scheduling.max_attempts": "5" });
  await agent.write("config.toml", `${await agent.config()}# from an editor\n`);
  await visitor.press(page.getByRole("button", WRITE));
  await visitor.sees(/was changed elsewhere meanwhile/);
  assert.doesNotMatch(await agent.config(), /max_attempts/);
  await visitor.press(page.getByRole("button", WRITE));
  assert.match(await agent.config(), /max_attempts = 5[^]*# from an editor/);
});

check("language and theme are switched, whatever the browser asks for", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent, { german: true, dark: true });
  const { page } = visitor;
  assert.equal(await visitor.verdict(), "Noch kein Konto verfügbar.");
  const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await paper();
  await visitor.open("settings");
  await visitor.send("settings/save", { "dashboard.language": "en", "dashboard.theme": "light" });
  await visitor.press(page.getByRole("button", { name: "In config.toml schreiben" }));
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  assert.equal(await visitor.verdict(), "3 settings differ from their defaults.");
  assert.notEqual(await paper(), dark);
  await visitor.send("settings/save", { "dashboard.language": "de", "dashboard.theme": "dark" });
  await visitor.press(page.getByRole("button", WRITE));
  assert.equal(await page.locator("html").getAttribute("lang"), "de");
  assert.equal(await paper(), dark);
});

check("settings are found by name and effect", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("settings");
  await visitor.send("settings", { q: "proxy" });
  assert.ok((await page.locator(".setting").count()) < 8);
  assert.equal(await page.locator("input[name='network.proxy']").count(), 1);
  await visitor.send("settings", { q: "<b>nothing" });
  await visitor.sees("No setting has “<b>nothing” in its name or effect.");
  await visitor.press(page.getByRole("link", { name: "Show all" }));
  assert.ok((await page.locator(".setting").count()) > 30);
});

check("rules and providers come and go in the settings", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  const { page } = visitor;
  const write = () => visitor.press(page.getByRole("button", WRITE));
  await visitor.open("settings");
  await visitor.isRefused("settings/add-provider", { name: "lab", base_url: "nowhere" }, /base_url/);
  await visitor.isRefused("settings/add-provider", { name: "la b", base_url: "http://127.0.0.1:9/v1" }, /la b/);
  await visitor.send("settings/add-provider", { name: "lab", protocol: "anthropic", base_url: "http://127.0.0.1:9", key_env: "LAB_KEY" });
  await write();
  assert.match(await agent.config(), /\[providers.lab\][^]*protocol = "anthropic"/);
  await visitor.isRefused("settings/add-rule", { name: "fast-*", use: "labb/m" }, /did you mean lab/);
  await visitor.send("settings/add-rule", { name: "fast-*", use: "lab/m, demo/anthropic" });
  await write();
  assert.match(JSON.stringify(await agent.facts("model", "try", "fast-x")), /lab/);
  await visitor.send("settings/remove-rule");
  await write();
  await visitor.send("settings/remove-provider");
  await write();
  assert.doesNotMatch(await agent.config(), /models|providers/);
});

check("start at login is turned on and off", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  await visitor.open("settings");
  await visitor.send("settings/autostart");
  await visitor.sees("Aerostat starts when you log in.");
  assert.equal((await agent.facts("autostart", "status")).state, "on");
  await visitor.send("settings/autostart");
  await visitor.sees("Aerostat does not start at login.");
  assert.equal((await agent.facts("autostart", "status")).state, "off");
});

check("records and bodies are kept for a while, and deleted", async () => {
  const agent = await Agent.start();
  await agent.ask("demo");
  const visitor = await visit(agent);
  const { page } = visitor;
  const bodies = async () => (await agent.facts("records")).bodies;
  const press = (keep) => visitor.press(page.locator(`form[action$="settings/bodies"]:has([value=${keep}]) button`));
  await visitor.open("settings");
  await press("while");
  assert.equal((await bodies()).mode, "all");
  await press("configured");
  assert.equal((await bodies()).mode, "off");
  await press("failures");
  assert.equal((await bodies()).mode, "errors");
  await press("configured");
  await press("delete");

  await visitor.isRefused("settings/delete-records", { before: "soon" }, /soon/);
  await visitor.send("settings/delete-records", { before: "7d" });
  assert.equal((await agent.facts("log")).rows.length, 1);
  await visitor.press(page.locator("form[action$='settings/delete-records']:has([value=all]) button"));
  assert.equal((await agent.facts("log")).rows.length, 0);
  await visitor.open("statistics");
  assert.match(await visitor.verdict(), /tokens in 7 days/, "the sums stay");
});
