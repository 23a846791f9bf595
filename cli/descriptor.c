/* descriptor.c - descriptors that are read to their end, and written in full. */
#include "descriptor.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { BLOCK = 64 << 10 };

/* Far more than the service accepts. */
static const size_t LARGEST = (size_t)256 << 20;

int descriptor_read(int descriptor, struct text *content)
{
    for (;;) {
        ssize_t size = read(descriptor, text_reserve(content, BLOCK), BLOCK);

        if (size <= 0)
            return (int)size;
        content->length += (size_t)size;
        content->data[content->length] = '\0';
        if (content->length > LARGEST) {
            errno = EFBIG;
            return -1;
        }
    }
}

int descriptor_write(int descriptor, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(descriptor, data, length);

        if (written > 0) {
            data += written;
            length -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) { /* another program has made the terminal non-blocking */
            struct pollfd ready = {0};

            ready.fd = descriptor;
            ready.events = POLLOUT;
            if (poll(&ready, 1, -1) < 0 && errno != EINTR)
                return -1;
        } else if (written < 0 && errno != EINTR) {
            return -1;
        }
    }
    return 0;
}
