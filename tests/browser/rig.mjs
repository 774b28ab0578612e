// The program in a home of its own, and what its own commands say.

import { spawn, execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { finally_ } from "./cases.mjs";

const command = promisify(execFile);
const PROGRAM = process.env.AEROSTAT_BIN;
/** The variable that a provider of a case may take its key from. */
export const KEY_VARIABLE = "LAB_KEY";

/** Long enough for a busy machine; a healthy one needs milliseconds. */
export const PATIENCE_MS = 20_000;

/** Waits until `look` gives something, and gives that back. */
export async function until(what, look, pause = 20) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`it did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** An agent. `config` is its `config.toml`, without a port: it takes a free one. `megabytes`: on a disk of that size. */
export class Agent {
  static async start({ config = "", port = 0, env = {}, megabytes, prepare = async () => {} } = {}) {
    const home = await mkdtemp(join(tmpdir(), "aerostat browser "));
    finally_(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
    if (megabytes) {
      await command("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "tmpfs", home]);
      finally_(() => command("umount", ["--lazy", home]));
    }
    const agent = new Agent(home, env);
    await writeFile(join(home, "vault-key"), randomBytes(32), { mode: 0o600 });
    await agent.write("config.toml", `port = ${port}\n${config}`);
    await prepare(agent);
    await agent.begin();
    finally_(() => agent.end());
    return agent;
  }

  constructor(home, env) {
    this.home = home;
    // Only what the agent needs: nothing of the person who runs the suite.
    this.env = {
      PATH: process.env.PATH,
      LANG: "C.UTF-8",
      TZ: "Europe/Berlin",
      HOME: home,
      AEROSTAT_HOME: home,
      AEROSTAT_VAULT_KEY_FILE: join(home, "vault-key"),
      DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent/bus",
      [KEY_VARIABLE]: "sk-of-the-environment",
      ...env,
    };
    this.said = "";
  }

  async begin() {
    this.process = spawn(PROGRAM, ["--headless"], { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    this.exited = new Promise((resolve) => this.process.once("exit", resolve));
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (data) => { this.said += data; });
    // Where it serves, or why it does not: it prints that once it answers.
    const answers = async () => {
      if (this.process.exitCode !== null) throw new Error(`the agent ended: ${this.said}`);
      return this.said.match(/(?<= serves )http:\/\/127\.0\.0\.1:\d+/) ?? (this.said.includes("\n") && this.run(["open", "--print"]).catch(() => null));
    };
    const [url] = [await until("the agent answers", answers)].flat();
    if (/^http:\/\/[^/]+$/.test(url)) this.url = url;
    else this.url = JSON.parse(await this.run(["--json", "status"]).catch((error) => error.stdout)).base_url;
  }

  async end() {
    if (this.process.exitCode === null) this.process.kill("SIGTERM");
    await this.exited;
  }

  async restart() {
    await this.end();
    this.said = "";
    await this.begin();
  }

  /** What a command prints. Rejects with its output where it fails. */
  run(args, input = "") {
    return new Promise((resolve, reject) => {
      const running = execFile(PROGRAM, args, { env: this.env, timeout: 60_000 }, (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        reject(Object.assign(new Error(`${args.join(" ")}: ${stdout}${stderr}`), { stdout }));
      });
      // A command that reads nothing may have ended before.
      running.stdin.on("error", () => {}).end(input);
    });
  }

  /** What a command says as JSON. */
  async facts(...args) {
    return JSON.parse(await this.run(["--json", ...args]));
  }

  /** A link into the dashboard, which works once. On a full disk it is made in the room that is kept for it, one at a time. */
  link() {
    const print = async () => (await this.run(["open", "--print"])).trim();
    if (!this.room) return print();
    const made = (this.making ?? Promise.resolve()).then(async () => {
      await rm(join(this.home, "room"), { force: true });
      const link = await print();
      await this.append("room", this.room).catch(() => {});
      return link;
    });
    this.making = made.catch(() => {});
    return made;
  }

  addAccount(name, provider = "lab", key = `sk-${name}-0123456789`) {
    return this.run(["account", "add", provider, "--name", name, "--stdin"], key);
  }

  config() {
    return this.read("config.toml");
  }

  read(file) {
    return readFile(join(this.home, file), "utf8");
  }

  write(file, content) {
    return writeFile(join(this.home, file), content);
  }

  append(file, content) {
    return appendFile(join(this.home, file), content);
  }

  /** A chat request as any program sends it. Gives status and body. */
  async ask(model, { key, agent = "curl/8.5.0", stream = false, message = "hi", signal, ...more } = {}) {
    const headers = { "content-type": "application/json", "user-agent": agent };
    if (key) headers.authorization = `Bearer ${key}`;
    const body = JSON.stringify({ model, stream, messages: [{ role: "user", content: message }], ...more });
    const answer = await fetch(`${this.url}/v1/chat/completions`, { method: "POST", headers, body, signal });
    return { status: answer.status, body: await answer.text() };
  }
}
