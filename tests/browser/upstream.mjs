// A scripted provider with an authorization server: answers as a case wants, and remembers what came.

import { createServer } from "node:http";

import { finally_ } from "./cases.mjs";

const SAID = "Hello from the scripted provider.";

/** What each dialect's service answers to a request that it serves. */
const ANSWERS = {
  openai_chat: (model, said) => ({
    id: "chat-1",
    object: "chat.completion",
    model,
    choices: [{ index: 0, message: { role: "assistant", content: said }, finish_reason: "stop" }],
    usage: { prompt_tokens: 12_000, completion_tokens: 340, total_tokens: 12_340, prompt_tokens_details: { cached_tokens: 9_000 } },
  }),
  anthropic: (model, said) => ({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model,
    content: [{ type: "text", text: said }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 3_000, cache_read_input_tokens: 9_000, cache_creation_input_tokens: 0, output_tokens: 340 },
  }),
  gemini: (model, said) => ({
    candidates: [{ index: 0, content: { role: "model", parts: [{ text: said }] }, finishReason: "STOP" }],
    usageMetadata: { promptTokenCount: 12_000, cachedContentTokenCount: 9_000, candidatesTokenCount: 340, totalTokenCount: 12_340 },
    modelVersion: model,
  }),
};
const AUTHS = { openai_chat: "bearer", anthropic: "x-api-key", gemini: "x-goog-api-key" };

export class Upstream {
  static async start() {
    const upstream = new Upstream();
    await new Promise((resolve) => upstream.server.listen(0, "127.0.0.1", resolve));
    finally_(() => upstream.end());
    return upstream;
  }

  constructor() {
    /** What came, as `{ path, key, body }`. */
    this.received = [];
    /**
     * How requests for a model, or with the key of an account, are answered where it is not as usual:
     * `{ status, message, code, headers, said, waits }`.
     */
    this.script = new Map();
    this.models = ["m", "m-large"];
    this.held = [];
    this.server = createServer((request, response) => this.#answer(request, response));
  }

  get address() {
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  /** A provider in `config.toml` that leads here. */
  config(name = "lab", { dialect = "openai_chat", auth = AUTHS[dialect], more = "" } = {}) {
    const base = dialect === "openai_chat" ? `${this.address}/v1` : this.address;
    return `[providers.${name}]\nprotocol = "${dialect}"\nbase_url = "${base}"\nauth = "${auth}"\n${more}`;
  }

  /** The same with a sign-in. */
  configWithSignIn(name = "signed") {
    const oauth = `authorize_url = "${this.address}/authorize"\ntoken_url = "${this.address}/token"\nclient_id = "mine"\n`;
    return `${this.config(name, { auth: "oauth" })}[providers.${name}.oauth]\n${oauth}`;
  }

  /** Answers the requests that wait. */
  release() {
    for (const go of this.held.splice(0)) go();
  }

  async end() {
    this.release();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #answer(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const url = new URL(request.url, this.address);
    const { authorization, "x-api-key": anthropic, "x-goog-api-key": google } = request.headers;
    const key = authorization ?? anthropic ?? google ?? "";
    this.received.push({ path: url.pathname, key, body });
    const say = (status, content, headers = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(content));
    };
    if (url.pathname === "/authorize") return authorize(url, response);
    if (url.pathname === "/token") {
      return say(200, { access_token: "access", refresh_token: "refresh", token_type: "Bearer", expires_in: 3600 });
    }
    if (key.includes("refused")) return say(401, refusal("no such key: <b>bold</b> & more", "invalid_api_key"));
    if (request.method === "GET") return say(200, listed(url.pathname, this.models));

    const asked = JSON.parse(body);
    const model = asked.model ?? /models\/([^:]+)/.exec(url.pathname)?.[1];
    const script = this.script.get(model) ?? this.script.get(/^(?:Bearer )?sk-(.+)-\d+$/.exec(key)?.[1]) ?? {};
    if (script.waits) await new Promise((resolve) => this.held.push(resolve));
    if (script.status) return say(script.status, refusal(script.message ?? "out of order", script.code ?? "x"), script.headers);
    if (asked.stream) return stream(model, response, script);
    const dialect = Object.hasOwn(request.headers, "x-goog-api-key") ? "gemini" : anthropic ? "anthropic" : "openai_chat";
    say(200, ANSWERS[dialect](model, script.said ?? SAID), script.headers);
  }
}

const refusal = (message, code) => ({ error: { message, type: code, code } });

const listed = (path, models) =>
  path.startsWith("/v1beta")
    ? { models: models.map((id) => ({ name: `models/${id}`, supportedGenerationMethods: ["generateContent"] })) }
    : { object: "list", data: models.map((id) => ({ id, object: "model", type: "model" })), has_more: false };

/** A stream of OpenAI's chat dialect. */
function stream(model, response, script) {
  response.writeHead(200, { "content-type": "text/event-stream", ...script.headers });
  const frame = (more) => {
    response.write(`data: ${JSON.stringify({ id: "chat-1", object: "chat.completion.chunk", model, ...more })}\n\n`);
  };
  for (const word of (script.said ?? SAID).split(" ")) frame({ choices: [{ index: 0, delta: { content: `${word} ` } }] });
  frame({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  frame({ choices: [], usage: ANSWERS.openai_chat(model, "").usage });
  response.end("data: [DONE]\n\n");
}

/** A person who agrees at once. */
function authorize(url, response) {
  const back = new URL(url.searchParams.get("redirect_uri"));
  back.searchParams.set("code", "code-1");
  back.searchParams.set("state", url.searchParams.get("state"));
  response.writeHead(302, { location: back.href });
  response.end();
}
