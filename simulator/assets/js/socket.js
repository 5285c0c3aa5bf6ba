// The connection to the server. Whoever listens hears messages by the value of their `is`.

export class Socket {
  #socket = null;
  #listeners = new Map();
  #attempts = 0;

  /** Hears messages of one kind; also "open" and "closed". */
  on(kind, listener) {
    if (!this.#listeners.has(kind)) this.#listeners.set(kind, []);
    this.#listeners.get(kind).push(listener);
  }

  open() {
    const url = new URL("/api/live", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#tell("open"));
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      // A server that is full opens connections, too, only to close them.
      if (message.is === "started") this.#attempts = 0;
      this.#tell(message.is, message);
    });
    socket.addEventListener("close", ({ reason }) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#attempts += 1;
      const wait = Math.min(30, 2 ** (this.#attempts - 1)) * 1000;
      this.#tell("closed", { reason, wait });
      setTimeout(() => this.open(), wait);
    });
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Sends a message; while there is no connection, it is dropped: the next one begins with the whole session. */
  send(message) {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
  }

  #tell(kind, message) {
    for (const listener of this.#listeners.get(kind) ?? []) listener(message);
  }
}
