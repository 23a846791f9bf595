/* descriptor.h - descriptors that are read to their end, and written in full. */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include "text.h"

/* Reads everything. Returns 0, or -1 with errno set: EFBIG for more than 256 MiB, EINTR for Ctrl-C if interrupt_allow
 * allows it. */
int descriptor_read(int descriptor, struct text *content);

/* Writes everything. Returns 0, or -1 with errno set. */
int descriptor_write(int descriptor, const char *data, size_t length);

#endif
