/* attach.c - images, documents and other bytes that are sent with a request. */
#include "attach.h"

#include "exit_status.h"
#include "failure.h"
#include "file.h"
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Reads a file that is sent. */
static int read_file(const char *path, struct text *bytes)
{
    if (file_read(path, bytes) == 0)
        return EXIT_COMPLETE;
    output_complain("the file %s cannot be read: %s", path, strerror(errno));
    text_free(bytes);
    return EXIT_USAGE;
}

static int report(bedrock_status status, bedrock_error *error, const char *path)
{
    if (status >= 0)
        return EXIT_COMPLETE;
    output_note("The file %s:", path);
    return failure_report(status, error, 0);
}

int attach_image(bedrock_request *request, const char *path)
{
    struct text bytes = {0};
    bedrock_error *error = NULL;
    bedrock_status result;
    int status = read_file(path, &bytes);

    if (status != EXIT_COMPLETE)
        return status;
    /* The library frees the bytes, also if this fails. */
    result = bedrock_request_add_image(request, "user", NULL, bytes.data, bytes.length, free, bytes.data, &error);
    return report(result, error, path);
}

int attach_document(bedrock_request *request, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    struct text bytes = {0};
    bedrock_error *error = NULL;
    bedrock_status result;
    int status = read_file(path, &bytes);

    if (status != EXIT_COMPLETE)
        return status;
    result = bedrock_request_add_document(request, "user", NULL, name, bytes.data, bytes.length, free, bytes.data,
                                          &error);
    return report(result, error, path);
}

int attach_all(bedrock_request *request, const struct options *options)
{
    int status = EXIT_COMPLETE;
    size_t i;

    for (i = 0; status == EXIT_COMPLETE && i < options->given_count; i++) {
        if (options->given[i].id == OPTION_IMAGE)
            status = attach_image(request, options->given[i].value);
        else if (options->given[i].id == OPTION_DOCUMENT)
            status = attach_document(request, options->given[i].value);
    }
    return status;
}

static int attach_one(bedrock_request *request, const char *value)
{
    const char *equals = strchr(value, '=');
    struct text name = {0}, bytes = {0};
    bedrock_error *error = NULL;
    bedrock_status result;
    int status;

    if (equals == NULL) {
        output_complain("--attach wants NAME=FILE, not %s", value);
        return EXIT_USAGE;
    }
    status = read_file(equals + 1, &bytes);
    if (status != EXIT_COMPLETE)
        return status;
    text_add(&name, value, (size_t)(equals - value));
    result = bedrock_request_attach(request, text_string(&name), bytes.data, bytes.length, free, bytes.data, &error);
    text_free(&name);
    return report(result, error, equals + 1);
}

int attach_named(bedrock_request *request, const struct options *options)
{
    int status = EXIT_COMPLETE;
    size_t i;

    for (i = 0; status == EXIT_COMPLETE && i < options->given_count; i++)
        if (options->given[i].id == OPTION_ATTACH)
            status = attach_one(request, options->given[i].value);
    return status;
}
