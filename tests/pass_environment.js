// Linked into the wasm test programs: GoogleTest reads its shard from the environment, which Emscripten keeps from a program.
Module.preRun = () => {
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith('GTEST_')) ENV[name] = value;
  }
};
