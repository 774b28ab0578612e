// Ollama's own library (npm `ollama`).

import { CITY, PROMPT, RESULTS, SYSTEM, WEATHER, WEATHER_DESCRIPTION, turns } from "./asks.mjs";

export function ollamaFace(Ollama) {
  const client = ({ baseURL, key }) => new Ollama({ host: baseURL, headers: { Authorization: `Bearer ${key}` } });
  const plain = ({ model }) => ({
    model,
    messages: [
      { role: "system", content: SYSTEM },
      { role: "user", content: PROMPT },
    ],
  });
  const tool = { type: "function", function: { name: "get_weather", description: WEATHER_DESCRIPTION, parameters: CITY } };

  const told = ({ message, done_reason, prompt_eval_count, eval_count }) => ({
    text: message.content,
    finish: done_reason,
    usage: [prompt_eval_count, eval_count],
    calls: (message.tool_calls ?? []).map(({ function: called }) => [called.name, called.arguments]),
    reasoning: message.thinking,
  });

  const whole = (ask, body) => client(ask).chat(body);

  // The library gives the records of a stream; what they say together is the caller's to keep.
  async function streamed(ask, body) {
    const message = { role: "assistant", content: "", thinking: "", tool_calls: [] };
    let last;
    for await (const record of await client(ask).chat({ ...body, stream: true })) {
      message.content += record.message.content;
      message.thinking += record.message.thinking ?? "";
      message.tool_calls.push(...(record.message.tool_calls ?? []));
      last = record;
    }
    return { ...last, message };
  }

  async function loop(ask, create) {
    const body = { ...plain(ask), tools: [tool], think: "high" };
    const first = await create(ask, body);
    const results = first.message.tool_calls.map((call, at) => ({ role: "tool", tool_name: call.function.name, content: RESULTS[at] }));
    const second = await create(ask, { ...body, messages: [...body.messages, first.message, ...results] });
    return { ...told(first), text: told(second).text };
  }

  return {
    ...turns({ plain, told, whole, streamed, loop }),
    object: async (ask) => ({ object: JSON.parse(told(await whole(ask, { ...plain(ask), format: WEATHER })).text) }),
    image: async (ask) => told(await whole(ask, { ...plain(ask), messages: [{ role: "user", content: PROMPT, images: [ask.image] }] })),
    models: async (ask) => {
      const ids = (await client(ask).list()).models.map((model) => model.model);
      const { capabilities } = await client(ask).show({ model: ids[0] });
      return { ids, found: capabilities.includes("completion") && ids[0] };
    },
    embed: async (ask) => ({ vectors: (await client(ask).embed({ model: ask.model, input: ["one", "two"] })).embeddings }),
    cancel: async (ask) => {
      const stream = await client(ask).chat({ ...plain(ask), stream: true });
      for await (const record of stream) {
        if (record.message.content) {
          stream.abort();
          return { text: record.message.content };
        }
      }
    },
  };
}
