# How every file of the project is compiled: the language, the warnings, the instrumented builds.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(PANICROOM_CCACHE ccache)
if(PANICROOM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${PANICROOM_CCACHE}")
endif()

# Linked by our own targets only, so that GoogleTest's sources are compiled without it.
add_library(panicroom_options INTERFACE)
target_include_directories(panicroom_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(panicroom_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wcast-align -Wformat=2 -Wvla)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports both falsely, through std::optional and through std::string's operator+ (GCC bug 105651).
  target_compile_options(panicroom_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR PANICROOM_SANITIZE)
  target_compile_definitions(panicroom_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# The instrumentation applies to everything that is compiled here.
if(PANICROOM_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
if(PANICROOM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(PANICROOM_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()

if(EMSCRIPTEN)
  # Exceptions are for std::bad_alloc and CLI11; wasm's own cost nothing where none is thrown.
  add_compile_options(-fwasm-exceptions -msimd128)
  add_link_options(-fwasm-exceptions -sALLOW_MEMORY_GROWTH -sMAXIMUM_MEMORY=4GB -sSTACK_SIZE=1MB
                   -sWASM_BIGINT)
endif()
