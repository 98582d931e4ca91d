#pragma once

/// The top of the source tree, from a file that the build writes: as a macro on every command line
/// it would make each checkout compile all tests anew.
extern const char* const source_folder;
