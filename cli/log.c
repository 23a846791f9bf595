/* log.c - the log of the library, for --verbose. */
#include "log.h"

#include "output.h"

#include <bedrock.h>

#include <stddef.h>

/* It runs on a thread of the library. A line is one write, so that it does not mix with others. */
static void on_log(int32_t level, const char *target, const char *message, size_t length, void *user)
{
    (void)level;
    (void)length;
    (void)user;
    output_note("[%s] %s", target, message);
}

void log_start(void)
{
    bedrock_set_log(BEDROCK_LOG_DEBUG, on_log, NULL, NULL);
}

void log_end(void)
{
    bedrock_shutdown(0); /* logs which handles were not freed, if any */
    bedrock_set_log(BEDROCK_LOG_OFF, NULL, NULL, NULL);
}
