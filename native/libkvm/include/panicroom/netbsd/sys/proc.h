#include "../panicroom_kinfo.h"
