// A person with a browser at the dashboard of an agent. What the browser complains of fails the case.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { finally_ } from "./cases.mjs";
import { PATIENCE_MS } from "./rig.mjs";

const require = createRequire(`${process.env.BROWSER_TOOLS}/`);
const { chromium } = require("playwright-core");

let browser;

export async function startBrowser() {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}

export const endBrowser = () => browser?.close();

/** What a visitor may be like. */
export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 360, height: 740 };

/** A browser of its own, which has opened the dashboard. */
export async function visit(agent, { german = false, dark = false, viewport = WIDE, script = true, touch = false } = {}) {
  const context = await browser.newContext({
    viewport,
    locale: german ? "de-DE" : "en-GB",
    colorScheme: dark ? "dark" : "light",
    javaScriptEnabled: script,
    hasTouch: touch,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  finally_(() => context.close());
  context.setDefaultTimeout(PATIENCE_MS);
  const visitor = new Visitor(agent, await context.newPage(), { script });
  await visitor.enter();
  return visitor;
}

/** Opens what an element is folded in, as a person would first. Runs in the browser. */
function unfolded(element) {
  for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
}

export class Visitor {
  constructor(agent, page, { script }) {
    this.agent = agent;
    this.page = page;
    /** What the browser complained of. */
    this.complaints = [];
    this.allowed = [];
    this.#listen(script);
    finally_(() => assert.deepEqual(this.complaints, [], "the browser complained"));
  }

  /** Lets pages ask addresses that begin so. */
  allow(...addresses) {
    this.allowed.push(...addresses);
  }

  /** Opens the dashboard by a fresh link. */
  async enter() {
    const link = await this.agent.link();
    this.origin = new URL(link).origin;
    this.base = link.slice(0, link.indexOf("/enter?") + 1);
    await this.page.goto(link);
    await this.page.waitForURL(this.base);
  }

  /** Opens a page by its path, such as `accounts`. Gives its status. */
  async open(path) {
    const answer = await this.page.goto(this.base + path);
    // An address that differs in its fragment alone is no request.
    return answer?.status() ?? 200;
  }

  /** The path that is open. */
  get path() {
    return this.page.url().slice(this.base.length);
  }

  verdict() {
    return this.page.locator("h1").innerText();
  }

  text() {
    return this.page.locator("main").innerText();
  }

  /** The form that is sent to a path, such as `accounts/add`. */
  form(path) {
    const actions = ["", "./", "../", "../../"].map((root) => root + path);
    return this.page.locator(actions.map((action) => `form[action="${action}"]`).join(", ")).first();
  }

  /** Types values into the fields of a form, by their names. */
  async fill(form, values) {
    for (const [name, value] of Object.entries(values)) {
      const field = form.locator(`[name="${name}"]:not([type=hidden])`).first();
      await field.evaluate(unfolded);
      const kind = await field.evaluate((element) => (element.tagName === "SELECT" ? "select" : element.type));
      if (kind === "select") await field.selectOption(value);
      else if (kind === "checkbox") await field.setChecked(value);
      else if (kind === "radio") await form.locator(`[name="${name}"][value="${value}"]`).check();
      else await field.fill(value);
    }
  }

  /** Presses a button or follows a link, waits for the page that comes, and gives its status. */
  async press(button) {
    await button.evaluate(unfolded);
    const [answer] = await Promise.all([this.page.waitForNavigation(), button.click()]);
    return answer?.status() ?? 200;
  }

  /** Fills in a form and sends it. Gives the status of what came. */
  async send(path, values = {}, button = "button:visible") {
    const form = this.form(path);
    await form.evaluate(unfolded);
    await this.fill(form, values);
    return this.press(form.locator(button).last());
  }

  /**
   * Sends a form that is not right: it is not carried out, what was typed stays, and the page says something of this. `secrets` are
   * fields that are emptied.
   */
  async isRefused(path, values, says, { secrets = [], button } = {}) {
    // What the browser itself would hold back is sent too.
    await this.form(path).evaluate((form) => { form.noValidate = true; });
    assert.equal(await this.send(path, values, button), 422, `${path} ${JSON.stringify(values)}`);
    const form = this.form(path);
    for (const [name, value] of Object.entries(values)) {
      const field = form.locator(`[name="${name}"]:not([type=hidden])`).first();
      const kind = await field.getAttribute("type");
      if (kind === "checkbox") assert.equal(await field.isChecked(), value, name);
      else assert.equal(await field.inputValue(), secrets.includes(name) ? "" : value, `${name} is kept`);
    }
    const alerts = await this.page.locator("[role=alert], .error").allInnerTexts();
    assert.match(alerts.join("\n"), says, `${path} ${JSON.stringify(values)}`);
  }

  /** Waits until the page says this. */
  async sees(text) {
    await this.page.getByText(text).first().waitFor();
  }

  #listen(script) {
    const { page } = this;
    const note = (what) => this.complaints.push(what);
    page.on("pageerror", (error) => note(`error: ${error.message}`));
    page.on("dialog", (dialog) => { note(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      // A form that was not carried out is answered with 422, a request that is not there with 404.
      if (/the server responded with a status of (422|404|403)/.test(message.text())) return;
      // A day in an address that is none.
      if (/does not conform to the required format, "yyyy-MM-dd"/.test(message.text())) return;
      note(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      const url = request.url();
      const isOwn = !this.origin || url.startsWith(`${this.origin}/`) || url.startsWith("data:");
      if (!isOwn && !this.allowed.some((address) => url.startsWith(address))) note(`foreign: ${url}`);
    });
    if (script) {
      page.addInitScript(() => {
        addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.sample}`));
      });
    }
  }
}
