/** Why something has no answer; `code` is one of the engine's error codes. */
export class PanicroomError extends Error {
  constructor(error) {
    super(error.text);
    this.name = 'PanicroomError';
    this.code = error.code;
    this.absence = error.absence ?? null;
    this.sentence = error.sentence ?? '';
    this.address = error.address ?? null;
    this.offset = error.offset ?? null;
    this.place = error.place ?? null;
  }
}

/** One opened dump with its kernel files. Every call is synchronous: use it in a worker. */
export class Session {
  #native;

  /**
   * `module` is an instance of the engine, `files` are `{name, size, read(offset, length)}` in any order.
   */
  constructor(module, files, options = {}) {
    const watched = options.onProgress ? files.map((file) => watch(file, options.onProgress)) : files;
    this.#native = new module.BrowserSession();
    try {
      const opened = this.#answer(() => this.#native.open(watched));
      this.notes = opened.notes;
      this.kernelError = opened.kernel_error;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  tables() {
    return this.#answer(() => this.#native.tables());
  }
  query(table, options = {}) {
    return this.#answer(() => this.#native.query(table, options));
  }
  write(table, options = {}, form = 'json') {
    const pieces = [];
    this.#answer(() => this.#native.write(table, options, form, (bytes) => void pieces.push(bytes.slice())));
    return joined(pieces);
  }
  sql(text, { limit = 100_000, goOn = null } = {}) {
    return this.#answer(() => this.#native.sql(text, limit, goOn));
  }
  find(table, options, column, text) {
    return this.#answer(() => this.#native.find(table, options, column, text)).place;
  }
  read(address, length, space = {}) {
    const read = this.#answer(() => this.#native.read(address, length, space));
    return { ...read, bytes: this.#native.bytes().slice() };
  }
  translate(address, space = {}) {
    return this.#answer(() => this.#native.translate(address, space));
  }
  resolve(text) {
    return this.#answer(() => this.#native.resolve(text));
  }
  symbolAt(address) {
    return this.#answer(() => this.#native.symbolAt(address));
  }
  close() {
    this.#native?.delete();
    this.#native = null;
  }

  #answer(call) {
    if (!this.#native) throw new PanicroomError({ code: 'invalid', text: 'the session is closed' });
    let text;
    try {
      text = call();
    } catch (error) {
      throw engineFailure(error);
    }
    const answer = JSON.parse(text);
    // A translation that fails half-way has an error beside its steps; an error alone is a failure.
    if (answer && answer.error && Object.keys(answer).length === 1) throw new PanicroomError(answer.error);
    return answer;
  }
}

function joined(pieces) {
  const bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

// Nothing but std::bad_alloc leaves the engine.
function engineFailure(error) {
  const isOurs = typeof WebAssembly.Exception === 'function' && error instanceof WebAssembly.Exception;
  if (!isOurs) return error;
  return new PanicroomError({
    code: 'unsupported',
    text: 'the answer needs more memory than the engine may use (256 MiB)',
  });
}

/** Counts what is read; `onProgress` answers false to stop, which makes the read fail. */
function watch(file, onProgress) {
  let bytesRead = 0;
  return {
    name: file.name,
    size: file.size,
    read(offset, length) {
      const bytes = file.read(offset, length);
      bytesRead += length;
      if (onProgress({ file: file.name, bytesRead, size: file.size, offset }) === false)
        throw new Error('stopped by the user');
      return bytes;
    },
  };
}
