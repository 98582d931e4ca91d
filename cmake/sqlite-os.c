/*
 * What SQLite asks of an operating system, for the wasm build (SQLITE_OS_OTHER): one without files. Its own, for unix, waits
 * without end for a file descriptor where Emscripten has no file system (robust_open in os_unix.c), as soon as a random number
 * is needed.
 */
#include <sqlite3.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static int open_none(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
  (void)vfs, (void)name, (void)flags, (void)out_flags;
  file->pMethods = NULL;
  return SQLITE_CANTOPEN;
}

static int delete_none(sqlite3_vfs *vfs, const char *name, int sync) {
  (void)vfs, (void)name, (void)sync;
  return SQLITE_IOERR_DELETE_NOENT;
}

static int access_none(sqlite3_vfs *vfs, const char *name, int flags, int *can) {
  (void)vfs, (void)name, (void)flags;
  *can = 0;
  return SQLITE_OK;
}

static int full_path(sqlite3_vfs *vfs, const char *name, int size, char *out) {
  (void)vfs;
  if (strlen(name) >= (size_t)size) return SQLITE_CANTOPEN;
  strcpy(out, name);
  return SQLITE_OK;
}

static int randomness(sqlite3_vfs *vfs, int size, char *out) {
  (void)vfs;
  int given = 0;
  while (given < size) {
    int part = size - given < 256 ? size - given : 256; /* the most that getentropy gives */
    if (getentropy(out + given, (size_t)part) != 0) break;
    given += part;
  }
  return given;
}

static int sleep_not(sqlite3_vfs *vfs, int microseconds) {
  (void)vfs, (void)microseconds;
  return 0;
}

/* Milliseconds since noon of 24 November 4714 before Christ, the first day of Julian days. */
static int current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *out) {
  (void)vfs;
  struct timeval now;
  gettimeofday(&now, NULL);
  *out = 210866760000000LL + (sqlite3_int64)now.tv_sec * 1000 + now.tv_usec / 1000;
  return SQLITE_OK;
}

static int current_time(sqlite3_vfs *vfs, double *out) {
  sqlite3_int64 milliseconds = 0;
  current_time_int64(vfs, &milliseconds);
  *out = (double)milliseconds / 86400000.0;
  return SQLITE_OK;
}

static int last_error(sqlite3_vfs *vfs, int size, char *out) {
  (void)vfs, (void)size, (void)out;
  return 0;
}

int sqlite3_os_init(void) {
  static sqlite3_vfs vfs = {
      .iVersion = 2,
      .szOsFile = sizeof(sqlite3_file),
      .mxPathname = 512,
      .zName = "none",
      .xOpen = open_none,
      .xDelete = delete_none,
      .xAccess = access_none,
      .xFullPathname = full_path,
      .xRandomness = randomness,
      .xSleep = sleep_not,
      .xCurrentTime = current_time,
      .xGetLastError = last_error,
      .xCurrentTimeInt64 = current_time_int64,
  };
  return sqlite3_vfs_register(&vfs, 1);
}

int sqlite3_os_end(void) { return SQLITE_OK; }
