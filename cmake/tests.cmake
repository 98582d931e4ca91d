# Test executables: natively each test is a ctest test, in wasm each executable is one.
if(EMSCRIPTEN)
  if(NOT EXISTS /usr/src/googletest/CMakeLists.txt)
    message(FATAL_ERROR "GoogleTest's sources (/usr/src/googletest, Debian's googletest) are needed for wasm tests")
  endif()
  set(INSTALL_GTEST OFF)
  set(BUILD_GMOCK OFF)
  set(warnings_as_errors ${CMAKE_COMPILE_WARNING_AS_ERROR})
  set(CMAKE_COMPILE_WARNING_AS_ERROR OFF)
  set(gtest_disable_pthreads ON)
  add_subdirectory(/usr/src/googletest "${CMAKE_BINARY_DIR}/googletest" EXCLUDE_FROM_ALL SYSTEM)
  set(CMAKE_COMPILE_WARNING_AS_ERROR ${warnings_as_errors})
else()
  find_package(GTest REQUIRED)
endif()
include(GoogleTest)

# Named after panicroom_options, so that its flags come after that one's. A test runs about once for each time that
# it is compiled, and with the sanitizers optimizing it takes three times as long as compiling it.
add_library(panicroom_test_options INTERFACE)
if(EMSCRIPTEN)
  # libc++ destroys a vector's bytes one by one, in six calls each that only an optimizer takes away: without it half of
  # a test's time. Tests index their own small buffers by file offsets; the engine itself is built with the warning.
  target_compile_options(panicroom_test_options INTERFACE -O1 -Wno-shorten-64-to-32)
else()
  target_compile_options(panicroom_test_options INTERFACE -O0)
endif()

panicroom_precompiled(panicroom_test_headers LINKS panicroom_test_options GTest::gtest HEADERS <gtest/gtest.h>)

file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/source_folder.cc"
     CONTENT "#include \"tests/source_folder.h\"\n\nconst char* const source_folder = \"@PROJECT_SOURCE_DIR@\";\n" @ONLY)
add_library(source_folder STATIC "${CMAKE_BINARY_DIR}/source_folder.cc")
target_link_libraries(source_folder PRIVATE panicroom_options)

# panicroom_test(TARGET FOLDER LINKS library...): every *_test.cc in FOLDER.
function(panicroom_test target folder)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*_test.cc")
  if(NOT sources)
    return()
  endif()
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE panicroom_options panicroom_test_options ${ARG_LINKS} source_folder
                        GTest::gtest_main)
  target_precompile_headers(${target} REUSE_FROM panicroom_test_headers)
  if(EMSCRIPTEN)
    # -O1: at -O3 Binaryen takes minutes for each of them.
    target_link_options(${target} PRIVATE -O1 -sNODERAWFS=1 -sEXIT_RUNTIME=1 -sENVIRONMENT=node
                        "SHELL:--pre-js ${PROJECT_SOURCE_DIR}/tests/pass_environment.js")
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${PROJECT_SOURCE_DIR}/tests/pass_environment.js")
    # Emscripten's toolchain file runs a target's .js under node.
    add_test(NAME ${target} COMMAND ${target})
  else()
    gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
  endif()
endfunction()
