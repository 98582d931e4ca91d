declare module 'panicroom-engine' {
  /** The engine's module, as Emscripten makes it. */
  export default function createEngine(options: { wasmBinary: ArrayBuffer; locateFile(name: string): string }): Promise<unknown>;
}
