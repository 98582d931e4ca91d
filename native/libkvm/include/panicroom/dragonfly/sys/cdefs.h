#pragma GCC system_header
#include_next <sys/cdefs.h>

#include "../../bsd_cdefs.h"
