// The Anthropic SDK (npm `@anthropic-ai/sdk`).

import { CITY, PROMPT, RESULTS, SYSTEM, WEATHER, WEATHER_DESCRIPTION, turns } from "./asks.mjs";

export function anthropicFace(Anthropic) {
  const client = ({ baseURL, key, retries }) => new Anthropic({ baseURL, apiKey: key, authToken: null, maxRetries: retries ?? 0 });
  const plain = ({ model }) => ({ model, max_tokens: 4000, system: SYSTEM, messages: [{ role: "user", content: PROMPT }] });
  const tool = { name: "get_weather", description: WEATHER_DESCRIPTION, input_schema: CITY };
  const asking = (ask, part) => ({ ...plain(ask), messages: [{ role: "user", content: [{ type: "text", text: PROMPT }, part] }] });
  const base64 = (type, media_type, data) => ({ type, source: { type: "base64", media_type, data } });
  const of = (content, type) => content.filter((block) => block.type === type);
  const join = (content, type, member) => of(content, type).map((block) => block[member]).join("");

  const told = ({ content, stop_reason, usage }) => ({
    text: join(content, "text", "text"),
    finish: stop_reason,
    // What was read from a cache is counted beside the other input.
    usage: [usage.input_tokens + (usage.cache_read_input_tokens ?? 0), usage.output_tokens],
    calls: of(content, "tool_use").map((block) => [block.name, block.input]),
    reasoning: join(content, "thinking", "thinking"),
  });

  const whole = (ask, body) => client(ask).messages.create(body);
  const streamed = (ask, body) => client(ask).messages.stream(body).finalMessage();

  async function loop(ask, create) {
    const body = { ...plain(ask), tools: [tool], thinking: { type: "enabled", budget_tokens: 2000 } };
    const first = await create(ask, body);
    const results = of(first.content, "tool_use").map((block, at) => ({ type: "tool_result", tool_use_id: block.id, content: RESULTS[at] }));
    const history = [...body.messages, { role: "assistant", content: first.content }, { role: "user", content: results }];
    return { ...told(first), text: told(await create(ask, { ...body, messages: history })).text };
  }

  return {
    ...turns({ plain, told, whole, streamed, loop }),
    object: async (ask) => {
      const format = { type: "json_schema", schema: WEATHER };
      return { object: JSON.parse(told(await whole(ask, { ...plain(ask), output_config: { format } })).text) };
    },
    image: async (ask) => told(await whole(ask, asking(ask, base64("image", "image/png", ask.image)))),
    pdf: async (ask) => told(await whole(ask, asking(ask, base64("document", "application/pdf", ask.pdf)))),
    count: async (ask) => {
      const { model, messages } = plain(ask);
      return { count: (await client(ask).messages.countTokens({ model, messages })).input_tokens };
    },
    models: async (ask) => {
      const ids = [];
      for await (const model of client(ask).models.list()) ids.push(model.id);
      return { ids, found: (await client(ask).models.retrieve(ids[0])).id };
    },
    cancel: async (ask) => {
      const stream = await client(ask).messages.create({ ...plain(ask), stream: true });
      for await (const event of stream) {
        if (event.type === "content_block_delta") {
          stream.controller.abort();
          return { text: event.delta.text };
        }
      }
    },
  };
}
