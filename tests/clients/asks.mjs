// What the harnesses of all SDKs ask, in words that `cases.py` has too.

export const SYSTEM = "Be brief.";
export const PROMPT = "What is the weather?";
export const WEATHER_DESCRIPTION = "Tells the weather of a city.";

const schemaOf = (properties) => ({ type: "object", properties, required: Object.keys(properties), additionalProperties: false });
export const CITY = schemaOf({ city: { type: "string" } });
export const WEATHER = schemaOf({ city: { type: "string" }, degrees: { type: "integer" } });

// What the weather tool says, in the order of the calls.
export const RESULTS = ["sunny", "rain"];

// The requests that every SDK is asked for in the same way: in one piece and streamed, with and without tools.
export const turns = ({ plain, told, whole, streamed, loop }) => ({
  text: async (ask) => told(await whole(ask, plain(ask))),
  stream: async (ask) => told(await streamed(ask, plain(ask))),
  tools: (ask) => loop(ask, whole),
  "tools streamed": (ask) => loop(ask, streamed),
});
