// The AI SDK's side of `ai_clients.py`: reads one request a line from standard input and writes one line with what the SDK made of it.
//
// `{face, how, baseURL, key, model, retries, image, pdf}` in; `{text, finish, usage, calls, reasoning, object}` or `{error, status}` out. The packages are
// those in the folder that the first argument names. It checks nothing itself.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.argv[2]}/`);
const { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } = require("ai");
const { createAnthropic } = require("@ai-sdk/anthropic");
const { createGoogleGenerativeAI } = require("@ai-sdk/google");
const { createOpenAI } = require("@ai-sdk/openai");
const { createOpenAICompatible } = require("@ai-sdk/openai-compatible");

// Standard output is for answers only.
globalThis.AI_SDK_LOG_WARNINGS = false;

const schemaOf = (properties) =>
  jsonSchema({ type: "object", properties, required: Object.keys(properties), additionalProperties: false });
const weather = schemaOf({ city: { type: "string" }, degrees: { type: "integer" } });
const get_weather = tool({
  description: "Tells the weather of a city.",
  inputSchema: schemaOf({ city: { type: "string" } }),
  execute: async () => "sunny",
});

// How each face is made from the gateway's address, and how it asks for reasoning.
const FACES = {
  chat: {
    model: ({ baseURL, key, model }) => createOpenAI({ baseURL: `${baseURL}/v1`, apiKey: key }).chat(model),
    reasoning: { openai: { reasoningEffort: "high", forceReasoning: true } },
  },
  responses: {
    model: ({ baseURL, key, model }) => createOpenAI({ baseURL: `${baseURL}/v1`, apiKey: key })(model),
    reasoning: {
      openai: { reasoningEffort: "high", reasoningSummary: "auto", forceReasoning: true, store: false, include: ["reasoning.encrypted_content"] },
    },
  },
  compatible: {
    model: ({ baseURL, key, model }) =>
      createOpenAICompatible({ name: "lab", baseURL: `${baseURL}/v1`, apiKey: key, includeUsage: true })(model),
    reasoning: { lab: { reasoningEffort: "high" } },
  },
  anthropic: {
    model: ({ baseURL, key, model }) => createAnthropic({ baseURL: `${baseURL}/v1`, apiKey: key })(model),
    reasoning: { anthropic: { thinking: { type: "enabled", budgetTokens: 2000 } } },
  },
  google: {
    model: ({ baseURL, key, model }) => createGoogleGenerativeAI({ baseURL: `${baseURL}/v1beta`, apiKey: key })(model),
    reasoning: { google: { thinkingConfig: { includeThoughts: true, thinkingLevel: "high" } } },
  },
};

const HOWS = {
  text: (ask) => generateText(ask),
  stream: (ask) => streamed(ask),
  tools: (ask) => generateText(withTools(ask)),
  "tools streamed": (ask) => streamed(withTools(ask)),
  object: (ask) => generateObject({ ...ask, schema: weather }),
  image: (ask, { image }) => generateText(showing(ask, { type: "image", image, mediaType: "image/png" })),
  pdf: (ask, { pdf }) => generateText(showing(ask, { type: "file", data: pdf, mediaType: "application/pdf", filename: "a.pdf" })),
  cancel: (ask) => cancelled(ask),
};

const withTools = (ask) => ({ ...ask, tools: { get_weather }, stopWhen: stepCountIs(2) });

const showing = ({ prompt, ...ask }, part) => ({ ...ask, messages: [{ role: "user", content: [{ type: "text", text: prompt }, part] }] });

// Reads the first text, and wants no more.
async function cancelled(ask) {
  const abort = new AbortController();
  const { textStream } = streamText({ ...ask, abortSignal: abort.signal, onError: () => {} });
  for await (const text of textStream) {
    abort.abort();
    return { text, usage: {} };
  }
}

async function streamed(ask) {
  let failure;
  const result = streamText({ ...ask, onError: ({ error }) => (failure ??= error) });
  let text = "";
  for await (const piece of result.textStream) text += piece;
  if (failure) throw failure;
  const steps = await result.steps;
  return { text, steps, finishReason: await result.finishReason, usage: await result.usage };
}

async function answer({ face, how, ...where }) {
  const { model, reasoning } = FACES[face];
  const providerOptions = how.startsWith("tools") ? reasoning : {};
  const ask = { model: model(where), system: "Be brief.", prompt: "What is the weather?", maxRetries: where.retries ?? 0, providerOptions };
  const result = await HOWS[how](ask, where);
  const [first] = result.steps ?? [];
  return {
    text: result.text,
    object: result.object,
    finish: result.finishReason,
    usage: [result.usage.inputTokens, result.usage.outputTokens],
    calls: first?.toolCalls.map((call) => [call.toolName, call.input]),
    reasoning: first?.reasoningText,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const said = await answer(JSON.parse(line)).catch((error) => ({ error: String(error?.message ?? error), status: error?.statusCode }));
  console.log(JSON.stringify(said));
}
