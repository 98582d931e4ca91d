# How every file of the project is compiled: the language, the warnings, the instrumented builds.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

if(NOT EMSCRIPTEN)
  # The engine is part of libkvm.so, which shows its C functions alone. Not by CMake's property for it, which compiles
  # programs as -fPIE: they would take no precompiled header of a library.
  add_compile_options(-fPIC)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
endif()

find_program(PANICROOM_CCACHE ccache)
if(PANICROOM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without this ccache keeps nothing that is compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros "${PANICROOM_CCACHE}")
endif()

# Linked by our own targets only, so that GoogleTest's sources are compiled without it.
add_library(panicroom_options INTERFACE)
target_include_directories(panicroom_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_options(panicroom_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wcast-align -Wformat=2 -Wvla)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these falsely: through std::optional, through std::string's operator+ (GCC bug 105651), and where
  # precompiled headers hide from it that a std::string's move is the library's.
  target_compile_options(panicroom_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds
                         -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug" OR PANICROOM_SANITIZE)
  target_compile_definitions(panicroom_options INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# panicroom_precompiled(NAME LINKS library... HEADERS header...): a target whose precompiled headers others take with
# target_precompile_headers(... REUSE_FROM NAME). What most files include is so parsed once. Files still name all
# that they need; a build with -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows it.
function(panicroom_precompiled name)
  cmake_parse_arguments(ARG "" "" "LINKS;HEADERS" ${ARGN})
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/empty.cc" CONTENT "")
  add_library(${name} OBJECT "${CMAKE_BINARY_DIR}/empty.cc")
  target_link_libraries(${name} PRIVATE panicroom_options deps::expected deps::fmt ${ARG_LINKS})
  target_precompile_headers(${name} PRIVATE
    <algorithm> <array> <charconv> <cstdint> <cstring> <functional> <map> <memory> <optional> <set> <span>
    <string> <string_view> <utility> <vector> <fmt/format.h> <tl/expected.hpp> ${ARG_HEADERS})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${name} PRIVATE -fpch-preprocess)
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

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
