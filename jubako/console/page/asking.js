// Asking the service. A key lives in this variable and nowhere else: it is gone with the tab.

let key = "";
const PATIENCE = 15_000;

export function useKey(given) {
  key = given.trim();
}

/** Whether this page was given a key: decisions have the key's name. */
export const hasKey = () => key !== "";

/** An answer that is not a success, with the service's own words. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the service answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** Addresses are relative: the service may be served below a path. */
export async function ask(address, options = {}) {
  const headers = { ...options.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
  const signal = AbortSignal.timeout(PATIENCE);
  const answer = await fetch(address.replace(/^\//, ""), { cache: "no-store", ...options, headers, signal });
  if (answer.ok) return answer;
  throw new Refused(answer.status, await answer.json().catch(() => ({})));
}

export const json = async (address, options) => (await ask(address, options)).json();

export const text = async (address) => (await ask(address)).text();

const lineages = new Map();

/** The evidence of a version never changes, so it is asked for once. */
export async function lineage(name, version) {
  const address = `v1/models/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`;
  if (!lineages.has(address)) lineages.set(address, await json(address));
  return lineages.get(address);
}

export const decide = (model, what, why) =>
  ask(`v1/models/${model}/rollout/${what}`, { method: "POST", body: JSON.stringify({ why }) });
