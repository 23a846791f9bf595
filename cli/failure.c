/* failure.c - what the command says about an error of the library. */
#include "failure.h"

#include "exit_status.h"
#include "output.h"

#include <string.h>

static int exit_status_of(bedrock_status status, int printed)
{
    switch (status) {
    case BEDROCK_E_INVALID_ARGUMENT:
    case BEDROCK_E_CONFIG:
    case BEDROCK_E_REQUEST:
        return printed ? EXIT_CUT : EXIT_USAGE;
    case BEDROCK_E_TRUNCATED:
        return EXIT_CUT;
    default:
        return printed ? EXIT_CUT : EXIT_ERROR;
    }
}

/* The sentence that the command adds to the library's. */
static const char *hint(bedrock_status status)
{
    switch (status) {
    case BEDROCK_E_CREDENTIALS:
    case BEDROCK_E_ACCESS_DENIED:
    case BEDROCK_E_NETWORK:
        return "bedrock doctor checks credentials, region and endpoint step by step.";
    case BEDROCK_E_CONTEXT_OVERFLOW:
        return "--trim NUMBER shortens a conversation, and /trim does in bedrock chat.";
    default:
        return NULL;
    }
}

const char *failure_text(const char *message)
{
    static const char prefix[] = "bedrock: ";

    return strncmp(message, prefix, sizeof prefix - 1) == 0 ? message + sizeof prefix - 1 : message;
}

const char *failure_message(bedrock_status status, const bedrock_error *error)
{
    return error != NULL ? failure_text(bedrock_error_message(error)) : bedrock_status_name(status);
}

int failure_report(bedrock_status status, bedrock_error *error, int printed)
{
    const char *message = failure_message(status, error);
    const char *path = bedrock_error_path(error), *id = bedrock_error_request_id(error);

    output_complain("%s", message);
    if (path[0] != '\0' && strstr(message, path) == NULL)
        output_note("  at %s", path);
    if (id[0] != '\0' && strstr(message, id) == NULL)
        output_note("  request id %s", id);
    if (hint(status) != NULL)
        output_note("  %s", hint(status));
    bedrock_error_free(error);
    return exit_status_of(status, printed);
}
