# The libraries, as imported targets `deps::NAME`; found the same way on the system and in the
# prefix that cmake/wasm-libs makes. What each build links stands in docs/licences.md.

# Permissively licensed libraries are linked statically where the system has the archive, so that the
# program runs on a machine without them. libelf (LGPL) stays shared natively.
function(panicroom_dependency name header)
  cmake_parse_arguments(ARG "SHARED" "LIBRARY" "" ${ARGN})
  find_path(PANICROOM_${name}_INCLUDE NAMES "${header}" REQUIRED)
  mark_as_advanced(PANICROOM_${name}_INCLUDE)
  add_library(deps::${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(deps::${name} SYSTEM INTERFACE "${PANICROOM_${name}_INCLUDE}")
  if(ARG_LIBRARY)
    if(NOT ARG_SHARED)
      set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so .dylib)
    endif()
    find_library(PANICROOM_${name}_LIBRARY NAMES "${ARG_LIBRARY}" REQUIRED)
    mark_as_advanced(PANICROOM_${name}_LIBRARY)
    target_link_libraries(deps::${name} INTERFACE "${PANICROOM_${name}_LIBRARY}")
  endif()
endfunction()

panicroom_dependency(expected tl/expected.hpp)
panicroom_dependency(cli11 CLI/CLI.hpp)
panicroom_dependency(fmt fmt/format.h LIBRARY fmt)
panicroom_dependency(zlib zlib.h LIBRARY z)
panicroom_dependency(deflate libdeflate.h LIBRARY deflate)
panicroom_dependency(zstd zstd.h LIBRARY zstd)
panicroom_dependency(snappy snappy.h LIBRARY snappy)
if(EMSCRIPTEN)
  panicroom_dependency(elf libelf.h LIBRARY elf)
  panicroom_dependency(zydis Zydis/Zydis.h LIBRARY Zydis)
else()
  panicroom_dependency(elf libelf.h LIBRARY elf SHARED)
  panicroom_dependency(zydis Zydis/Zydis.h LIBRARY Zydis SHARED)  # Debian has no archive of it
endif()
target_link_libraries(deps::elf INTERFACE deps::zlib)
if(PANICROOM_TESTS)
  # GPL: it makes the tests' input and never enters the program.
  panicroom_dependency(lzo2 lzo/lzo1x.h LIBRARY lzo2)
endif()

add_library(deps::threads INTERFACE IMPORTED GLOBAL)
if(NOT EMSCRIPTEN)
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED)
  target_link_libraries(deps::threads INTERFACE Threads::Threads)
endif()
