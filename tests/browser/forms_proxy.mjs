// Every form of the API proxy's page: with what is right, seen from outside, and with what is not.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { check } from "./cases.mjs";
import { Agent, until } from "./rig.mjs";
import { Upstream } from "./upstream.mjs";
import { visit } from "./visitor.mjs";

check("who may call is changed after the difference was seen", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("proxy");
  assert.equal(await visitor.verdict(), "Programs on this computer, without a key.");
  await visitor.isRefused("proxy/access", { port: "65536" }, /0 to 65,?535/);
  await visitor.isRefused("proxy/access", { port: "0", allowed_hosts: "http://box.lan/x" }, /host/i);
  await visitor.isRefused("proxy/access", { allowed_hosts: "", cors_origins: "app.example" }, /https?:\/\//);

  const before = await agent.config();
  await visitor.open("proxy");
  await visitor.send("proxy/access", { auth_mode: "strict", allowed_hosts: "box.lan" });
  assert.equal(await visitor.verdict(), "Nothing is changed yet.");
  assert.match(await page.locator("ins").allInnerTexts().then((lines) => lines.join("\n")), /auth_mode = "strict"/);
  assert.match(await visitor.text(), /Every request needs a key/);
  await visitor.press(page.getByRole("link", { name: "Change nothing" }));
  assert.equal(await agent.config(), before);

  await visitor.send("proxy/access", { auth_mode: "strict", allowed_hosts: "box.lan" });
  await visitor.press(page.getByRole("button", { name: "Write to config.toml" }));
  assert.match(await agent.config(), /auth_mode = "strict"[^]*allowed_hosts = \["box.lan"\]/);
  assert.equal(await visitor.verdict(), "Programs on this computer, with a key.");
  assert.equal((await agent.ask("demo")).status, 401);
  const key = (await agent.run(["key", "show"])).trim();
  assert.equal((await agent.ask("demo", { key })).status, 200);
});

check("a key is made, shown once, limited, and revoked", async () => {
  const agent = await Agent.start({ config: 'auth_mode = "strict"\n' });
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("proxy");
  const wrong = [
    [{ expires: "2001-01-01" }, /2001-01-01 is over/],
    [{ models: "a*b*c" }, /\*/],
    [{ requests_minute: "many" }, /number|expected/i],
    [{ requests_day: "-1" }, /expected|number/i],
    [{ tokens_day: "1,000" }, /1,000/],
    [{ tokens_month: "1.5" }, /expected|whole/i],
    [{ dollars_day: "five" }, /expected|five/i],
  ];
  for (const [values, says] of wrong) {
    await visitor.isRefused("proxy/create-key", { name: "ci", ...values }, says);
    await visitor.open("proxy");
  }
  await visitor.isRefused("proxy/create-key", { name: "not/a name" }, /name|letters/i);

  await visitor.open("proxy");
  await visitor.send("proxy/create-key", { name: "ci", expires: "2031-01-31", models: "demo*", requests_day: "2", dollars_month: "5,50" });
  const shown = page.locator(".notice.ok");
  assert.match(await shown.innerText(), /only time that it is shown/);
  const key = await shown.locator("code").innerText();
  await shown.getByRole("button", { name: "Copy" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
  await visitor.open("proxy");
  assert.ok(!(await page.content()).includes(key), "it is shown once");

  assert.equal((await agent.ask("demo", { key })).status, 200);
  assert.equal((await agent.ask("other/m", { key })).status, 403);
  assert.equal((await agent.ask("demo", { key })).status, 200);
  assert.equal((await agent.ask("demo", { key })).status, 429);
  await visitor.open("proxy");
  assert.match(await visitor.text(), /2 of 2 requests a day/);

  await visitor.press(page.getByRole("link", { name: "Change", exact: true }));
  await visitor.isRefused("proxy/set-key", { requests_day: "few" }, /few|expected/i);
  await visitor.open("proxy?key=ci");
  await visitor.send("proxy/set-key", { requests_day: "20", expires: "" });
  assert.equal((await agent.ask("demo", { key })).status, 200);
  const [facts] = await agent.facts("key", "list");
  assert.match(JSON.stringify(facts), /"max":\s*20/);

  await visitor.open("proxy?key=ci");
  await visitor.send("proxy/revoke-key");
  assert.equal((await agent.ask("demo", { key })).status, 401);
  assert.deepEqual(await agent.facts("key", "list"), []);
});

check("rules come and go after their difference was seen, and names are tried", async () => {
  const upstream = await Upstream.start();
  const agent = await Agent.start({ config: upstream.config() + upstream.config("other") });
  await agent.addAccount("work");
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("proxy");
  await visitor.isRefused("proxy/add-rule", { name: "fast-*", targets: "labb/m" }, /did you mean lab/);
  await visitor.isRefused("proxy/add-rule", { name: "f*a*st", targets: "lab/m" }, /\*/);
  await visitor.send("proxy/add-rule", { name: "fast-*", targets: "lab/m, demo/anthropic" });
  await visitor.press(page.getByRole("button", { name: "Write to config.toml" }));
  assert.match(await agent.config(), /\[\[models\]\]/);
  assert.equal((await agent.ask("fast-one")).status, 200);
  assert.equal(JSON.parse(upstream.received.at(-1).body).model, "m");

  await visitor.send("proxy#rules", { try: "fast-one" });
  assert.match(await page.locator("[role=status]").innerText(), /fast-\* matches fast-one/);
  await visitor.send("proxy#rules", { try: "<b>nothing" });
  assert.match(await page.locator("[role=status]").innerText(), /No rule and no provider has <b>nothing/);
  assert.equal(await page.locator("input[name=try]").inputValue(), "<b>nothing");

  await visitor.press(page.locator("a[href*='models=lab']"));
  await visitor.press(page.locator("#models a", { hasText: "m-large" }));
  assert.match(await page.locator("[role=status]").innerText(), /lab\/m-large/);

  await visitor.send("proxy/remove-rule");
  await visitor.press(page.getByRole("button", { name: "Write to config.toml" }));
  assert.doesNotMatch(await agent.config(), /\[\[models\]\]/);
  await until("the rule is gone", async () => (await agent.ask("fast-one")).status !== 200);
});

check("programs are pointed here by lines to copy", async () => {
  const agent = await Agent.start();
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("proxy");
  for (const name of await page.locator("#client a").allInnerTexts()) {
    await visitor.press(page.locator("#client a", { hasText: name }));
    const copy = page.locator("section:has(#client) button[data-copy]");
    for (let at = 0; at < (await copy.count()); at += 1) {
      await copy.nth(at).click();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      assert.equal(copied, await page.locator("section:has(#client) pre").nth(at).innerText(), name);
    }
  }
});

check("a program on this computer is connected and disconnected after its change was seen", async () => {
  const agent = await Agent.start();
  const own = '{\n  "env": { "SOME_TOKEN": "hunter2-hunter2" }\n}\n';
  await mkdir(join(agent.home, ".claude"));
  await agent.write(".claude/settings.json", own);
  const file = () => agent.read(".claude/settings.json");
  const visitor = await visit(agent);
  const { page } = visitor;
  const row = () => page.locator("#clients tr", { hasText: "Claude Code" }).first();
  const verb = (name) => row().locator(`form[action$="${name}"]:has([value="claude-code"]) button`);

  await visitor.open("proxy");
  assert.match(await row().innerText(), /not connected/);
  await visitor.press(verb("connect-client"));
  assert.equal(await visitor.verdict(), "Nothing is changed yet.");
  const added = (await page.locator("ins").allInnerTexts()).join("\n");
  assert.match(added, /ANTHROPIC_BASE_URL/);
  assert.ok(added.includes(agent.url), added);
  assert.ok(!(await page.content()).includes("hunter2"), "a secret of the file is shown");
  assert.equal(await file(), own, "nothing is written before it was seen");
  await visitor.press(page.getByRole("button", { name: "Make this change" }));
  assert.equal(await visitor.verdict(), "Claude Code is connected.");
  assert.ok((await file()).includes(agent.url));

  // The file is changed by its owner between the two steps: what was shown is not made.
  await visitor.open("proxy");
  assert.match(await row().innerText(), /connected/);
  await visitor.press(verb("disconnect-client"));
  assert.match((await page.locator("del").allInnerTexts()).join("\n"), /ANTHROPIC_BASE_URL/);
  await agent.write(".claude/settings.json", (await file()).replace("{\n", "{\n\n"));
  await visitor.press(page.getByRole("button", { name: "Make this change" }));
  assert.match(await visitor.text(), /changed elsewhere meanwhile/);
  assert.ok((await file()).includes("ANTHROPIC_BASE_URL"));
  await visitor.press(page.getByRole("button", { name: "Make this change" }));
  assert.equal(await visitor.verdict(), "Claude Code is disconnected.");
  assert.equal(await file(), own.replace("{\n", "{\n\n"));
});

check("a program whose file cannot be read is named with the place, and left alone", async () => {
  const agent = await Agent.start();
  await mkdir(join(agent.home, ".claude"));
  await agent.write(".claude/settings.json", '{ "env": { } // mine\n');
  for (const german of [false, true]) {
    const visitor = await visit(agent, { german });
    await visitor.open("proxy");
    const row = visitor.page.locator("#clients tr", { hasText: "Claude Code" }).first();
    assert.match(await row.innerText(), german ? /nicht lesbar[^]*Zeile 1/ : /cannot be read[^]*line 1/);
  }
  assert.equal(await agent.read(".claude/settings.json"), '{ "env": { } // mine\n');
});

check("rules are moved after their difference was seen", async () => {
  const rule = (name) => `[[models]]\nname = "${name}"\nuse = "demo/anthropic"\n`;
  const agent = await Agent.start({ config: rule("a-*") + rule("b-*") });
  const visitor = await visit(agent);
  const { page } = visitor;
  await visitor.open("proxy");
  assert.ok(await page.getByRole("button", { name: "Move the rule a-* up" }).isDisabled());
  await visitor.press(page.getByRole("button", { name: "Move the rule b-* up" }));
  assert.equal(await visitor.verdict(), "Nothing is changed yet.");
  assert.match(await agent.config(), /"a-\*"[^]*"b-\*"/);
  await visitor.press(page.getByRole("button", { name: "Write to config.toml" }));
  assert.match(await agent.config(), /"b-\*"[^]*"a-\*"/);
});
