// The Google Gen AI SDK (npm `@google/genai`).

import { CITY, PROMPT, RESULTS, SYSTEM, WEATHER, WEATHER_DESCRIPTION, turns } from "./asks.mjs";

export function googleFace(GoogleGenAI) {
  const client = ({ baseURL, key, retries }) =>
    new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: baseURL, ...(retries && { retryOptions: { attempts: retries + 1 } }) } });
  const plain = ({ model }) => ({ model, contents: [{ role: "user", parts: [{ text: PROMPT }] }], config: { systemInstruction: SYSTEM } });
  const tool = { functionDeclarations: [{ name: "get_weather", description: WEATHER_DESCRIPTION, parametersJsonSchema: CITY }] };
  const asking = (ask, mimeType, data) => ({
    ...plain(ask),
    contents: [{ role: "user", parts: [{ text: PROMPT }, { inlineData: { mimeType, data } }] }],
  });

  const told = ({ parts, finish, usage }) => ({
    text: parts.filter((part) => !part.thought).map((part) => part.text ?? "").join(""),
    finish,
    // Thoughts stand beside the candidates' tokens here.
    usage: [usage.promptTokenCount, (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0)],
    calls: parts.filter((part) => part.functionCall).map(({ functionCall: call }) => [call.name, call.args]),
    reasoning: parts.filter((part) => part.thought).map((part) => part.text ?? "").join(""),
  });

  const gathered = (answers) => ({
    parts: answers.flatMap((answer) => answer.candidates?.[0]?.content?.parts ?? []),
    finish: answers.at(-1).candidates?.[0]?.finishReason,
    usage: answers.at(-1).usageMetadata,
  });

  const whole = async (ask, body) => gathered([await client(ask).models.generateContent(body)]);
  async function streamed(ask, body) {
    const answers = [];
    for await (const answer of await client(ask).models.generateContentStream(body)) answers.push(answer);
    return gathered(answers);
  }

  async function loop(ask, create) {
    const asked = plain(ask);
    const body = { ...asked, config: { ...asked.config, tools: [tool], thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } } };
    const first = await create(ask, body);
    const calls = first.parts.filter((part) => part.functionCall);
    const results = calls.map(({ functionCall: { id, name } }, at) => ({
      functionResponse: { ...(id && { id }), name, response: { result: RESULTS[at] } },
    }));
    const contents = [...body.contents, { role: "model", parts: first.parts }, { role: "user", parts: results }];
    return { ...told(first), text: told(await create(ask, { ...body, contents })).text };
  }

  return {
    ...turns({ plain, told, whole, streamed, loop }),
    object: async (ask) => {
      const config = { responseMimeType: "application/json", responseJsonSchema: WEATHER };
      return { object: JSON.parse(told(await whole(ask, { ...plain(ask), config })).text) };
    },
    image: async (ask) => told(await whole(ask, asking(ask, "image/png", ask.image))),
    pdf: async (ask) => told(await whole(ask, asking(ask, "application/pdf", ask.pdf))),
    count: async (ask) => ({ count: (await client(ask).models.countTokens({ model: ask.model, contents: PROMPT })).totalTokens }),
    models: async (ask) => {
      const ids = [];
      for await (const model of await client(ask).models.list()) ids.push(model.name);
      return { ids, found: (await client(ask).models.get({ model: ids[0] })).name };
    },
    cancel: async (ask) => {
      const abort = new AbortController();
      const body = plain(ask);
      const stream = await client(ask).models.generateContentStream({ ...body, config: { ...body.config, abortSignal: abort.signal } });
      for await (const answer of stream) {
        if (answer.text) {
          abort.abort();
          return { text: answer.text };
        }
      }
    },
  };
}
