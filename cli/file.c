/* file.c - files that are read and replaced as a whole. */
#include "file.h"

#include "descriptor.h"
#include "exit_status.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int file_read(const char *path, struct text *content)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC), result, error;

    if (descriptor < 0)
        return -1;
    result = descriptor_read(descriptor, content);
    error = errno;
    close(descriptor);
    errno = error;
    return result;
}

int file_read_argument(const char *what, const char *argument, struct text *content)
{
    if (argument[0] != '@') {
        text_puts(content, argument);
        return EXIT_COMPLETE;
    }
    if (file_read(argument + 1, content) == 0)
        return EXIT_COMPLETE;
    output_complain("%s names the file %s, which cannot be read: %s", what, argument + 1, strerror(errno));
    return EXIT_USAGE;
}

void file_look(const char *path, struct file_state *state)
{
    memset(state, 0, sizeof *state);
    state->exists = stat(path, &state->status) == 0;
}

static int is_as_seen(const char *path, const struct file_state *seen)
{
    struct file_state now;

    file_look(path, &now);
    if (!now.exists || !seen->exists)
        return now.exists == seen->exists;
    return now.status.st_dev == seen->status.st_dev && now.status.st_ino == seen->status.st_ino
        && now.status.st_size == seen->status.st_size && now.status.st_mtim.tv_sec == seen->status.st_mtim.tv_sec
        && now.status.st_mtim.tv_nsec == seen->status.st_mtim.tv_nsec;
}

/* Makes a new name durable. That the folder cannot be opened for this is no failure. */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct text folder = {0};
    int descriptor;

    if (slash == NULL)
        text_puts(&folder, ".");
    else
        text_add(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    descriptor = open(text_string(&folder), O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    text_free(&folder);
}

int file_replace(const char *path, const char *content, size_t length, const struct file_state *seen)
{
    /* A symbolic link stays: its target is replaced. */
    char *resolved = realpath(path, NULL);
    const char *target = resolved != NULL ? resolved : path;
    struct text part = {0};
    int descriptor, failed, error, status = EXIT_COMPLETE;

    text_format(&part, "%s.XXXXXX", target);
    descriptor = mkstemp(part.data); /* with the mode 0600 */
    failed = descriptor < 0 || descriptor_write(descriptor, content, length) != 0 || fsync(descriptor) != 0;
    error = errno;
    if (descriptor >= 0 && close(descriptor) != 0 && !failed) {
        failed = 1;
        error = errno;
    }
    if (!failed && !is_as_seen(target, seen)) {
        output_complain("%s was changed by another program meanwhile, and is not replaced. What was to be written is "
                        "in %s", path, text_string(&part));
        status = EXIT_OUTPUT;
    } else if (!failed && rename(text_string(&part), target) != 0) {
        failed = 1;
        error = errno;
    }
    if (failed) {
        if (descriptor >= 0)
            unlink(text_string(&part));
        output_complain("%s could not be written, and is as it was: %s", path, strerror(error));
        status = EXIT_OUTPUT;
    } else if (status == EXIT_COMPLETE) {
        sync_folder(target);
    }
    text_free(&part);
    free(resolved);
    return status;
}
