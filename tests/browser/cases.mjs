// The cases of the suite: each file registers its own, `run.mjs` runs them.

import { AsyncLocalStorage } from "node:async_hooks";

const cases = [];

/** A case: its name is a sentence about behaviour. `does` fails by throwing. */
export function check(name, does) {
  cases.push({ name, does });
}

/** The cases whose names contain one of the words; all without any. */
export function chosen(words) {
  return cases.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
}

// What a case begins is ended with it, also where it fails: `run.mjs` runs each case in a scope of its own.
const scopes = new AsyncLocalStorage();
const atEnd = [];

/** Has `end` called when the case ends, or the suite where no case runs. */
export function finally_(end) {
  (scopes.getStore() ?? atEnd).push(end);
}

/** Runs `does` outside of the case: what it begins stays until the suite ends. */
export function shared(does) {
  return scopes.exit(does);
}

export async function inScope(does) {
  const ends = [];
  let failure;
  await scopes.run(ends, does).catch((error) => { failure = error; });
  // What the case itself failed of says more.
  await endAll(ends).catch((error) => { failure ??= error; });
  if (failure) throw failure;
}

export const endShared = () => endAll(atEnd);

/** The latest first. The rest is ended too where one fails. */
async function endAll(ends) {
  const errors = [];
  while (ends.length > 0) await Promise.resolve().then(ends.pop()).catch((error) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}
