/* The default face; -I.../panicroom/freebsd (netbsd, openbsd, dragonfly, illumos) in front selects
 * another. */
#include "panicroom/common/kvm.h"
