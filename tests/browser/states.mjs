// Agents in the states that a person may find them in. Each is made once and kept until the suite ends; a case that changes
// something makes an agent of its own.

import { createServer } from "node:http";
import { copyFile, open as openFile } from "node:fs/promises";
import { join } from "node:path";

import { finally_, shared } from "./cases.mjs";
import { Agent, until } from "./rig.mjs";
import { Upstream } from "./upstream.mjs";

const PAGES = ["", "accounts", "proxy", "monitoring", "statistics", "settings"];
const made = new Map();

/** The agent of a state, and the paths of the pages to look at. */
export function state(name) {
  if (!made.has(name)) made.set(name, shared(STATES[name]));
  return made.get(name);
}

const STATES = {
  async empty() {
    const agent = await Agent.start();
    return { agent, paths: [...PAGES, "accounts?provider=anthropic", "requests/none", "sign-in/none"] };
  },

  /** Nothing answers at the port. */
  async stopped() {
    const agent = await Agent.start();
    await agent.ask("demo");
    await agent.run(["stop"]);
    return { agent, paths: ["", "proxy"] };
  },

  /** Another program has the port. */
  async taken() {
    const other = createServer();
    await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
    finally_(() => new Promise((resolve) => other.close(resolve)));
    const agent = await Agent.start({ port: other.address().port });
    return { agent, paths: ["", "proxy", "accounts"] };
  },

  /** The records can no longer be read. */
  async damaged() {
    const agent = await Agent.start();
    await agent.ask("demo");
    await until("it is recorded", async () => (await agent.read("records.db-wal").catch(() => "")).length > 0);
    const { base } = await firstPage(agent);
    for (const file of ["records.db", "records.db-wal"]) await agent.write(file, Buffer.alloc(300_000, 7));
    await agent.ask("demo");
    return { agent, paths: [...PAGES, "requests/some"], base };
  },

  /** The file of the records may be read, and not written to. */
  async read_only() {
    const prepare = async (agent) => {
      const file = join(agent.home, "records.db");
      await copyFile(process.env.FILLED, file);
      // The version that a writer has to know: of none that there is (SQLite, "Database File Format", 1.3.3).
      const open = await openFile(file, "r+");
      await open.write(Buffer.from([9]), 0, 1, 18);
      await open.close();
    };
    const agent = await Agent.start({ prepare });
    await agent.ask("demo");
    await until("it is told", async () => (await agent.facts("status")).records?.problem?.kind === "read_only");
    return { agent, paths: ["", "monitoring", "statistics", "settings"] };
  },

  /** No space is left for what is recorded. */
  async full_disk() {
    const agent = await Agent.start({ megabytes: 6 });
    await agent.ask("demo");
    await until("it is recorded", async () => (await agent.facts("log")).rows.length > 0);
    const ballast = Buffer.alloc(4_096);
    await agent.append("room", (agent.room = Buffer.alloc(16_384)));
    await until("nothing fits any more", () => agent.append("ballast", ballast).then(() => false, (error) => error.code === "ENOSPC"), 0);
    await until("it is told", async () => {
      await agent.ask("demo", { message: "x".repeat(4_000) });
      return (await agent.facts("status")).records?.problem?.kind === "disk_full";
    });
    return { agent, paths: ["", "monitoring", "settings"] };
  },

  /** The configuration cannot be used. */
  async misconfigured() {
    const agent = await Agent.start({ config: "[scheduling]\nmax_attempts = 3\n" });
    await agent.write("config.toml", "port = 0\n[scheduling]\nmax_attempts = \"three\n");
    return { agent, paths: ["", "proxy", "settings"] };
  },

  /** One account's key is refused, one is at its limit, one cannot be reached. */
  async refused() {
    const upstream = await Upstream.start();
    const nowhere = '[providers.far]\nprotocol = "openai_chat"\nbase_url = "http://127.0.0.1:9/v1"\nauth = "bearer"\n';
    const agent = await Agent.start({ config: upstream.config() + upstream.config("other") + nowhere });
    await agent.addAccount("team");
    await agent.addAccount("spare", "other");
    await agent.run(["account", "add", "far", "--name", "far-away", "--stdin", "--keep"], "sk-far-1");
    upstream.script.set("team", { status: 401, code: "invalid_api_key", message: "Incorrect API key provided. <b>bold</b>" });
    upstream.script.set("spare", { status: 429, code: "insufficient_quota", message: "You exceeded your current quota", headers: { "retry-after": "7200" } });
    for (const model of ["lab/m", "other/m", "far/m"]) await agent.ask(model);
    const id = await newest(agent);
    return { agent, paths: ["", "accounts", "accounts/team", "accounts/spare", "monitoring", `requests/${id}`] };
  },

  /** Everything is used at once: requests in flight, failures of all kinds, keys with limits, kept bodies. */
  async busy() {
    const upstream = await Upstream.start();
    const rules = '[[models]]\nname = "fast-*"\nuse = ["lab/m", "demo/anthropic"]\n';
    const agent = await Agent.start({ config: upstream.config() + upstream.configWithSignIn() + rules });
    await agent.addAccount("work");
    await agent.addAccount("private");
    await agent.run(["records", "bodies", "all", "--for", "2h"]);
    const key = await limitedKey(agent);
    upstream.script.set("work", { headers: limits(100, 8) });
    upstream.script.set("private", { headers: limits(100, 63) });
    upstream.script.set("m-broken", { status: 500, message: "the model is out of order" });
    upstream.script.set("m-strict", { status: 400, message: "messages[0].content: too long for this model" });
    upstream.script.set("m-slow", { waits: true });
    for (let at = 0; at < 12; at += 1) await agent.ask("lab/m", { stream: at % 2 === 0, agent: at % 3 ? "OpenAI/Python 1.99.0" : "claude-cli/2.1.0 (external, cli)" });
    await agent.ask("fast-one", { key });
    await agent.ask("fast-one", { key });
    await agent.ask("fast-one", { key });
    await agent.ask("demo/anthropic", { seed: 1, logit_bias: { 5: 1 }, temperature: 1.9 });
    await agent.ask("no-such-model");
    for (let at = 0; at < 3; at += 1) await agent.ask("lab/m-strict");
    await agent.ask("lab/m-broken");
    const left = new AbortController();
    const leaving = agent.ask("lab/m-slow", { stream: true, signal: left.signal }).catch(() => {});
    await until("it waits", () => upstream.held.length > 0);
    left.abort();
    await leaving;
    for (let at = 0; at < 2; at += 1) agent.ask("lab/m-slow").catch(() => {});
    await until("they wait", () => upstream.held.length > 2);
    const left_ = (rows) => rows.find((row) => row.ending === "left");
    const rows = await until("all are recorded", async () => {
      const { rows } = await agent.facts("log");
      return left_(rows) && rows;
    });
    const of = (asked) => rows.find((row) => row.asked === asked).id;
    const requests = [of("lab/m"), of("lab/m-broken"), of("demo/anthropic"), left_(rows).id, rows.find((row) => row.cause === "key_limit").id];
    return {
      agent,
      paths: [
        ...PAGES, "accounts/work", "accounts?provider=lab", "accounts?provider=signed", "proxy?key=ci", "proxy?try=fast-one", "proxy?models=lab",
        "monitoring?failed=1&cause=bad_request", "monitoring?since=yesterdayish", "statistics?range=today&by=account", "settings?q=port",
        ...requests.map((id) => `requests/${id}`),
      ],
    };
  },

  /** Ten accounts at four providers. */
  async ten() {
    const { agent, upstream } = await withTen();
    for (const [name, used] of [["work", 92], ["team-1", 40], ["team-2", 3]]) upstream.script.set(name, { headers: unified(used) });
    for (const [name, used] of [["private", 71], ["reserve", 12]]) upstream.script.set(name, { headers: limits(500, 5 * used) });
    upstream.script.set("old", { status: 401, code: "authentication_error", message: "invalid x-api-key" });
    upstream.script.set("night", { status: 429, message: "Resource has been exhausted", headers: { "retry-after": "900" } });
    const models = ["anthropic/claude-sonnet-5", "openai/gpt-5", "gemini/gemini-2.5-flash", "lab/m"];
    // A conversation stays at its account, so each is one of its own.
    for (let at = 0; at < 12; at += 1) await Promise.all(models.map((model) => agent.ask(model, { message: `hello ${at}` })));
    await agent.run(["account", "disable", "partner"]);
    return { agent, paths: ["", "accounts", "accounts/work", "monitoring", "statistics?range=today&by=account"] };
  },

  /** A month's worth of records of ten accounts. */
  async full() {
    const upstream = await Upstream.start();
    // The providers that are known keep their addresses, and so their prices; nothing is to reach them.
    const config = `[network]\nproxy = "http://127.0.0.1:9"\nno_proxy = ["127.0.0.1"]\n${upstream.config()}`;
    const prepare = (agent) => copyFile(process.env.FILLED, join(agent.home, "records.db"));
    const agent = await Agent.start({ config, prepare });
    await addTen(agent);
    const { rows } = await agent.facts("log", "--failed");
    return {
      agent,
      paths: [
        ...PAGES, "monitoring?failed=1", "monitoring?account=work&since=7d", "statistics?range=30d&by=model", "statistics?range=30d&by=account&show=cost",
        "statistics?range=today", "accounts/work", `requests/${rows[0].id}`,
      ],
    };
  },
};

/** Where no disk of its own can be mounted, none can be full. */
export const STATE_NAMES = Object.keys(STATES).filter((name) => name !== "full_disk" || process.env.MOUNTS === "yes");

async function newest(agent) {
  const { rows } = await agent.facts("log");
  return rows[0].id;
}

/** Opens the first page once, so that its figures are known. */
async function firstPage(agent) {
  const link = await agent.link();
  const entered = await fetch(link);
  const cookie = entered.headers.get("set-cookie").split(";")[0];
  const base = link.slice(0, link.indexOf("/enter?") + 1);
  await (await fetch(base, { headers: { cookie } })).text();
  return { base };
}

/** A key of which two requests a day are all. */
async function limitedKey(agent) {
  const made = await agent.facts("key", "create", "ci", "--budget", "2 requests/day", "--budget", "1000000 tokens/month", "--model", "fast-*");
  return made.key;
}

/** What a provider says of its limit for five hours. */
const limits = (limit, used) => ({
  "x-ratelimit-limit-requests": String(limit),
  "x-ratelimit-remaining-requests": String(limit - used),
  "x-ratelimit-reset-requests": "2h13m0s",
});

const unified = (used) => ({
  "anthropic-ratelimit-unified-status": "allowed",
  "anthropic-ratelimit-unified-5h-status": "allowed",
  "anthropic-ratelimit-unified-5h-utilization": String(used / 100),
  "anthropic-ratelimit-unified-5h-reset": String(Math.floor(Date.now() / 1000) + 6_000),
  "anthropic-ratelimit-unified-7d-status": "allowed",
  "anthropic-ratelimit-unified-7d-utilization": String(used / 200),
  "anthropic-ratelimit-unified-7d-reset": String(Math.floor(Date.now() / 1000) + 300_000),
});

async function withTen() {
  const upstream = await Upstream.start();
  const config = [
    upstream.config("anthropic", { dialect: "anthropic" }),
    upstream.config("openai"),
    upstream.config("gemini", { dialect: "gemini" }),
    upstream.config("lab"),
  ];
  const agent = await Agent.start({ config: config.join("") });
  await addTen(agent);
  return { agent, upstream };
}

async function addTen(agent) {
  const accounts = {
    anthropic: ["work", "team-1", "team-2", "old"],
    openai: ["private", "reserve", "partner"],
    gemini: ["search", "night"],
    lab: ["lab"],
  };
  for (const [provider, names] of Object.entries(accounts)) {
    for (const name of names) await agent.run(["account", "add", provider, "--name", name, "--stdin", "--keep"], `sk-${name}-0123456789`);
  }
}
