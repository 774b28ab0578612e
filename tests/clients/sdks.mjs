// Official SDKs in JavaScript for `node_clients.py`: reads one request a line from standard input and writes one line with what the
// SDK made of it.
//
// `{face, how, baseURL, key, model, retries}` in; `{text, finish, usage, calls, reasoning, object, count, ids}` or `{error, status,
// retryAfter}` out. The packages are those in the folder that the first argument names. It checks nothing itself.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { anthropicFace } from "./anthropic_node.mjs";
import { googleFace } from "./google_node.mjs";
import { ollamaFace } from "./ollama_node.mjs";
import { chatFace, responsesFace } from "./openai_node.mjs";

const require = createRequire(`${process.argv[2]}/`);

const FACES = {
  chat: chatFace(require("openai").OpenAI),
  responses: responsesFace(require("openai").OpenAI),
  anthropic: anthropicFace(require("@anthropic-ai/sdk").Anthropic),
  google: googleFace(require("@google/genai").GoogleGenAI),
  ollama: ollamaFace(require("ollama").Ollama),
};

// What SDKs keep of a refusal: the status, and the header or detail that says when to come back.
function refusal(error) {
  const delay = /"retryDelay":\s*"(\d+)s"/.exec(String(error?.message).replaceAll("\\", ""));
  const retryAfter = error?.headers?.get?.("retry-after") ?? delay?.[1];
  return { error: String(error?.message ?? error), status: error?.status ?? error?.status_code, retryAfter };
}

async function answer({ face, how, ...ask }) {
  const verb = FACES[face][how];
  if (!verb) throw new Error(`no such request: ${face} ${how}`);
  return verb(ask);
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line)).catch(refusal)));
}
