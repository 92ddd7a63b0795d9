// The product's routes as a platform's page calls them, and what exists on this machine only.

export const API = "/api/patient-graph/wearables";

let patient = "";
let token = "";

// A refusal of the API: `code` is stable, `message` is for people.
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function signIn(id = patient) {
  patient = id;
  ({ token } = await post("/dev/token", { patientId: id }));
}

async function send(method, path, body, again = true) {
  const headers = { authorization: `Bearer ${token}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(API + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  // The token has expired: a platform's page would sign in again as well.
  if (response.status === 401 && again) {
    await signIn();
    return send(method, path, body, false);
  }
  return response;
}

async function refusal(response) {
  const answer = await response.json().catch(() => ({}));
  const { code, message } = answer.error || { code: "", message: answer.message || `HTTP ${response.status}` };
  return new Refused(response.status, code, message);
}

export async function call(method, path, body) {
  const response = await send(method, path, body);
  if (!response.ok) throw await refusal(response);
  return (await response.json()).data;
}

// The same for a route that an older deployment does not have: null where there is none.
const absent = new Set();
export async function ask(path) {
  const route = path.split("?")[0];
  if (absent.has(route)) return null;
  try {
    return await call("GET", path);
  } catch (error) {
    if (error.status !== 404) throw error;
    absent.add(route);
    return null;
  }
}

// All pages of a list: `name` is the field that holds it.
export async function pages(path, name) {
  const all = [];
  let answer = await ask(path);
  if (answer === null) return null;
  const first = answer;
  all.push(...answer[name]);
  while (answer.cursor) {
    answer = await call("GET", `${path}&cursor=${encodeURIComponent(answer.cursor)}`);
    all.push(...answer[name]);
    if (first.gaps) first.gaps.push(...answer.gaps);
    if (first.reasons) Object.assign(first.reasons, answer.reasons);
  }
  return { ...first, [name]: all };
}

// The parts of an answer that is longer than one response: each names the next in its `Link` header (RFC 8288).
export async function* parts(path) {
  let next = path;
  while (next) {
    const response = await send("GET", next);
    if (!response.ok) throw await refusal(response);
    yield await response.blob();
    const link = (response.headers.get("link") || "").split(",").find((one) => /;\s*rel="?next"?/.test(one));
    const target = link && /<([^>]*)>/.exec(link);
    // Only the query is taken: the page knows the path.
    next = target ? path.split("?")[0] + new URL(target[1], location.href).search : null;
  }
}

async function post(path, body) {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) throw await refusal(response);
  return response.headers.get("content-type").startsWith("application/json") ? response.json() : response.text();
}

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw await refusal(response);
  return response.json();
}

const query = (values) => new URLSearchParams(values).toString();

export const local = {
  stack: () => get("/dev/stack"),
  events: (after) => get(`/dev/events?${query({ after })}`),
  ring: () => get(`/dev/ring?${query({ patient })}`),
  press: (button, body = {}) => post(`/dev/ring/${button}`, { patientId: patient, ...body }),
  items: (table, after = "") => get(`/dev/items?${query({ table, patient, after })}`),
  chart: (chart) => post("/dev/chart", chart),
};
