/* loop.c - examples of the manual: streams in a program that waits for other things, too. */
#include <bedrock.h>

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* A bedrock_wakeup_fn: writes to the pipe that the loop of the program polls. If the pipe is full, the loop wakes
 * anyway. */
static void wake(void *user)
{
    const int *pipe = user;
    ssize_t written = write(pipe[1], "", 1);

    (void)written;
}

/* Prints a stream. The program sleeps until a wakeup arrives; its loop could poll more than the pipe. */
static bedrock_status print_stream(bedrock_stream *stream, int pipe[2], bedrock_error **error)
{
    bedrock_status status = bedrock_stream_set_wakeup(stream, wake, pipe, NULL);
    const bedrock_event *event;
    char byte;

    while (status >= 0 && status != BEDROCK_DONE) {
        status = bedrock_stream_next(stream, 0, &event, error);
        if (status == BEDROCK_OK && event->type == BEDROCK_EVENT_TEXT)
            fwrite(event->text, 1, event->text_len, stdout);
        else if (status == BEDROCK_AGAIN && read(pipe[0], &byte, 1) < 0)
            break;
    }
    bedrock_stream_set_wakeup(stream, NULL, NULL, NULL);
    return status;
}

/* Waits for the streams of a set and for the keyboard. Returns whether a stream can be read. */
static int wait_for_either(bedrock_waitset *set, int keyboard)
{
    struct pollfd ready[2] = {{0, POLLIN, 0}, {0, POLLIN, 0}};

    ready[0].fd = bedrock_waitset_fd(set);
    ready[1].fd = keyboard;
    return poll(ready, 2, -1) > 0 && (ready[0].revents & POLLIN) != 0;
}

int main(void)
{
    static const char config[] = "{\"model\": \"any\", \"transport\": {\"replies\": [\"One.\", \"Two.\"]}}";
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_stream *first = NULL, *second = NULL;
    bedrock_waitset *set = NULL;
    bedrock_error *error = NULL;
    int ends[2];
    int failed = pipe(ends) < 0 || bedrock_model_new(config, BEDROCK_STRLEN, &model, &error) < 0
        || bedrock_request_new(NULL, 0, &request, &error) < 0
        || bedrock_request_add_text(request, "user", "Count.", BEDROCK_STRLEN, &error) < 0
        || bedrock_stream_open(model, request, NULL, &first, &error) < 0
        || print_stream(first, ends, &error) != BEDROCK_DONE
        || (set = bedrock_waitset_new()) == NULL
        || bedrock_stream_open(model, request, NULL, &second, &error) < 0
        || bedrock_waitset_add(set, second, NULL) < 0;

    if (!failed)
        printf("\nThe second stream %s be read.\n", wait_for_either(set, ends[0]) ? "can" : "cannot");
    else
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_waitset_free(set);
    bedrock_stream_free(second);
    bedrock_stream_free(first);
    bedrock_request_free(request);
    bedrock_model_free(model);
    return failed;
}
