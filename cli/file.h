/* file.h - files that are read and replaced as a whole. */
#ifndef FILE_H
#define FILE_H

#include "text.h"

#include <sys/stat.h>

/* Reads a file. Returns what descriptor_read returns. */
int file_read(const char *path, struct text *content);

/* Reads an argument: "@FILE" is the content of the file, everything else is the text itself. Returns EXIT_COMPLETE, or
 * EXIT_USAGE after it has printed why. what names the argument. */
int file_read_argument(const char *what, const char *argument, struct text *content);

/* A file as it was at one moment. */
struct file_state {
    int exists;
    struct stat status;
};

void file_look(const char *path, struct file_state *state);

/* Replaces a file, or makes it, with the mode 0600. The file is never incomplete: the content is written beside it,
 * reaches the disk, and then takes its name. If the file is no longer as it was seen, nothing is replaced.
 *
 * Returns EXIT_COMPLETE, or EXIT_OUTPUT after it has printed why; the old file is then as it was. */
int file_replace(const char *path, const char *content, size_t length, const struct file_state *seen);

#endif
