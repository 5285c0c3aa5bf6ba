// The server: all addresses are relative to where the page is.

/** What the server has refused: `status`, and `problem` with `error`, `option` and `range`. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.error);
    this.status = status;
    this.problem = problem;
  }
}

/** The path of a limiter, whatever its name has in it. */
export const pathOf = (name) => `limiters/${encodeURIComponent(name)}`;

const address = (path) => new URL(path, document.baseURI);

export async function get(path) {
  return read(await fetch(address(path)));
}

/** Asks for a change, a JSON merge patch; returns the limiter as it is then. */
export async function patch(name, change, token) {
  return read(await fetch(address(pathOf(name)), {
    method: "PATCH",
    headers: { "Content-Type": "application/merge-patch+json", ...(token ? { Authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify(change),
  }));
}

async function read(response) {
  const problem = () => ({ error: `the server says ${response.status}` });
  if (!response.ok) throw new Refused(response.status, await response.json().catch(problem));
  return response.json();
}

/** The snapshots of one limiter, as they come. */
export class Stream {
  #source = null;
  #timer = null;

  /** `hear` gets each snapshot, and null while there are none to be had. */
  constructor(name, hear) {
    this.name = name;
    this.hear = hear;
    this.#open();
  }

  #open() {
    const source = new EventSource(address(`${pathOf(this.name)}/events`));
    this.#source = source;
    source.addEventListener("snapshot", ({ data }) => this.hear(JSON.parse(data)));
    source.addEventListener("gone", () => source.close());
    source.addEventListener("error", () => {
      this.hear(null);
      // A browser tries again by itself after a connection that broke, but not after a refusal.
      if (source.readyState === EventSource.CLOSED) this.#timer = setTimeout(() => this.#open(), RETRY);
    });
  }

  close() {
    clearTimeout(this.#timer);
    this.#source.close();
  }
}

const RETRY = 5000;
