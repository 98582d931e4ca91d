/* What elfutils' configure would find on wasm32-emscripten, as far as libelf asks. */
#ifndef ELFUTILS_CONFIG_H
#define ELFUTILS_CONFIG_H

#define PACKAGE "elfutils"
#define PACKAGE_NAME PACKAGE
#define PACKAGE_VERSION "0.188"
#define VERSION PACKAGE_VERSION

#define HAVE_DECL_MEMPCPY 1
#define HAVE_DECL_REALLOCARRAY 1
#define HAVE_DECL_POWEROF2 0
#define HAVE_DECL_RAWMEMCHR 0
#define HAVE_DECL_MREMAP 0
#define HAVE_ERR_H 1
#define HAVE_FALLTHROUGH 1
#define HAVE_VISIBILITY 1
#define CHECK_UNDEF 0
#define USE_ZLIB 1
#define ZLIB 1

#include <eu-config.h>

#endif
