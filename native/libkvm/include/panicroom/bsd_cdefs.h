/* The lines of BSD sources that name their revision, which glibc's <sys/cdefs.h> does not know. */
#ifndef PANICROOM_BSD_CDEFS_H
#define PANICROOM_BSD_CDEFS_H

#define __FBSDID(text) struct panicroom_no_revision
#define __RCSID(text) struct panicroom_no_revision
#define __COPYRIGHT(text) struct panicroom_no_revision

#endif
