# Emscripten as cmake/emscripten finds it, with the libraries of cmake/wasm-libs.
execute_process(COMMAND "${CMAKE_CURRENT_LIST_DIR}/emscripten" --root
                OUTPUT_VARIABLE emscripten_root OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND "${CMAKE_CURRENT_LIST_DIR}/wasm-libs" --prefix
                OUTPUT_VARIABLE wasm_libs OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT emscripten_root OR NOT EXISTS "${wasm_libs}/complete")
  message(FATAL_ERROR "Emscripten or the wasm libraries are missing: run cmake/setup")
endif()
set(EMSCRIPTEN_ROOT_PATH "${emscripten_root}")
set(CMAKE_FIND_ROOT_PATH "${wasm_libs}")
include("${emscripten_root}/cmake/Modules/Platform/Emscripten.cmake")
