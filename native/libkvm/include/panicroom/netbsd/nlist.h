#include "../bsd_nlist.h"
