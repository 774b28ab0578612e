// The OpenAI SDK (npm `openai`), on Chat Completions and on Responses.

import { CITY, PROMPT, RESULTS, SYSTEM, WEATHER, WEATHER_DESCRIPTION, turns } from "./asks.mjs";

const connected = (OpenAI, { baseURL, key, retries }) => new OpenAI({ baseURL: `${baseURL}/v1`, apiKey: key, maxRetries: retries ?? 0 });

const modelsOf = async (client) => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  return { ids, found: (await client.models.retrieve(ids[0])).id };
};

export function chatFace(OpenAI) {
  const client = (ask) => connected(OpenAI, ask);
  const plain = ({ model }) => ({
    model,
    messages: [
      { role: "system", content: SYSTEM },
      { role: "user", content: PROMPT },
    ],
  });
  const tool = { type: "function", function: { name: "get_weather", description: WEATHER_DESCRIPTION, parameters: CITY } };
  const asking = (ask, part) => ({ ...plain(ask), messages: [{ role: "user", content: [{ type: "text", text: PROMPT }, part] }] });

  const told = ({ choices: [choice], usage }) => ({
    text: choice.message.content,
    finish: choice.finish_reason,
    usage: [usage.prompt_tokens, usage.completion_tokens],
    calls: (choice.message.tool_calls ?? []).map(({ function: called }) => [called.name, JSON.parse(called.arguments)]),
    reasoning: choice.message.reasoning_content,
  });

  const whole = (ask, body) => client(ask).chat.completions.create(body);
  const streamed = (ask, body) => client(ask).chat.completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion();

  // One round of tools and the answer to its results.
  async function loop(ask, create) {
    const body = { ...plain(ask), tools: [tool], reasoning_effort: "high" };
    const first = await create(ask, body);
    const [{ message }] = first.choices;
    const results = message.tool_calls.map((call, at) => ({ role: "tool", tool_call_id: call.id, content: RESULTS[at] }));
    const second = await create(ask, { ...body, messages: [...body.messages, message, ...results] });
    return { ...told(first), text: told(second).text };
  }

  return {
    ...turns({ plain, told, whole, streamed, loop }),
    object: async (ask) => {
      const json_schema = { name: "weather", schema: WEATHER, strict: true };
      const said = await whole(ask, { ...plain(ask), response_format: { type: "json_schema", json_schema } });
      return { object: JSON.parse(told(said).text) };
    },
    image: async (ask) => {
      const image = { type: "image_url", image_url: { url: `data:image/png;base64,${ask.image}` } };
      return told(await whole(ask, asking(ask, image)));
    },
    pdf: async (ask) => {
      const file = { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${ask.pdf}` } };
      return told(await whole(ask, asking(ask, file)));
    },
    models: (ask) => modelsOf(client(ask)),
    cancel: async (ask) => {
      const stream = await client(ask).chat.completions.create({ ...plain(ask), stream: true });
      for await (const chunk of stream) {
        const text = chunk.choices[0]?.delta.content;
        if (text) {
          stream.controller.abort();
          return { text };
        }
      }
    },
  };
}

export function responsesFace(OpenAI) {
  const client = (ask) => connected(OpenAI, ask);
  const plain = ({ model }) => ({ model, instructions: SYSTEM, input: [{ role: "user", content: PROMPT }] });
  const tool = { type: "function", name: "get_weather", description: WEATHER_DESCRIPTION, parameters: CITY, strict: true };
  const asking = (ask, part) => ({ ...plain(ask), input: [{ role: "user", content: [{ type: "input_text", text: PROMPT }, part] }] });
  const of = (output, type) => output.filter((item) => item.type === type);

  // The SDK raises nothing for an answer that failed on the way: its status says it.
  function told({ error, output, output_text, status, usage }) {
    if (status === "failed") throw new Error(error.message);
    return {
      text: output_text,
      finish: status,
      usage: [usage.input_tokens, usage.output_tokens],
      calls: of(output, "function_call").map((call) => [call.name, JSON.parse(call.arguments)]),
      reasoning: of(output, "reasoning")
        .flatMap((item) => item.summary.map((part) => part.text))
        .join(""),
    };
  }

  const whole = (ask, body) => client(ask).responses.create(body);
  const streamed = (ask, body) => client(ask).responses.stream(body).finalResponse();

  async function loop(ask, create) {
    const reasoning = { effort: "high", summary: "auto" };
    const body = { ...plain(ask), tools: [tool], reasoning, store: false, include: ["reasoning.encrypted_content"] };
    const first = await create(ask, body);
    const results = of(first.output, "function_call").map((call, at) => ({ type: "function_call_output", call_id: call.call_id, output: RESULTS[at] }));
    const items = first.output.map(({ parsed_arguments, ...item }) => item);
    const second = await create(ask, { ...body, input: [...body.input, ...items, ...results] });
    return { ...told(first), text: told(second).text };
  }

  return {
    ...turns({ plain, told, whole, streamed, loop }),
    object: async (ask) => {
      const format = { type: "json_schema", name: "weather", schema: WEATHER, strict: true };
      return { object: JSON.parse(told(await whole(ask, { ...plain(ask), text: { format } })).text) };
    },
    image: async (ask) => {
      const image = { type: "input_image", detail: "auto", image_url: `data:image/png;base64,${ask.image}` };
      return told(await whole(ask, asking(ask, image)));
    },
    pdf: async (ask) => {
      const file = { type: "input_file", filename: "a.pdf", file_data: `data:application/pdf;base64,${ask.pdf}` };
      return told(await whole(ask, asking(ask, file)));
    },
    count: async (ask) => ({ count: (await client(ask).responses.inputTokens.count({ model: ask.model, input: PROMPT })).input_tokens }),
    models: (ask) => modelsOf(client(ask)),
    cancel: async (ask) => {
      const stream = await client(ask).responses.create({ ...plain(ask), stream: true });
      for await (const event of stream) {
        if (event.type === "response.output_text.delta") {
          stream.controller.abort();
          return { text: event.delta };
        }
      }
    },
  };
}
