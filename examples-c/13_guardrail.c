/* 13_guardrail.c - guardrails: check what people write before a model reads it. (ApplyGuardrail)
 *
 *     cc 13_guardrail.c $(pkg-config --cflags --libs bedrock) -o 13_guardrail
 *     BEDROCK_GUARDRAIL=gr-abc123 ./13_guardrail "My card is 4111 1111 1111 1111"
 *
 * bedrock_call calls any operation of the service by its name. The guardrail is a part of the model here, so that it
 * applies to ApplyGuardrail and to every response of the model. */
#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>

#include "example.h"

/* The script replies as a guardrail that hides the number, and then as the model. */
static const char replies[] =
    "[{\"json\": {\"action\": \"GUARDRAIL_INTERVENED\", \"actionReason\": \"Guardrail masked.\","
    " \"outputs\": [{\"text\": \"My card is {CREDIT_DEBIT_CARD_NUMBER}\"}], \"assessments\": []}},"
    " \"Please do not send me card numbers.\"]";

/* Returns a request for ApplyGuardrail with this text, or NULL. */
static bedrock_request *to_be_checked(const char *text, bedrock_error **error)
{
    bedrock_request *request = NULL;
    char json[4096];
    int length = snprintf(json, sizeof json, "{\"source\": \"INPUT\", \"content\": [{\"text\": {\"text\": ");

    if (bedrock_json_quote(text, BEDROCK_STRLEN, json + length, sizeof json - 10 - (size_t)length)
        < sizeof json - 10 - (size_t)length) {
        strcat(json, "}}]}");
        bedrock_request_new(json, BEDROCK_STRLEN, &request, error);
    } else {
        fprintf(stderr, "the text is too long for this example\n");
    }
    return request;
}

int main(int argc, char **argv)
{
    const char *input = argc > 1 ? argv[1] : "My card is 4111 1111 1111 1111";
    const char *guardrail = example_env("BEDROCK_GUARDRAIL");
    bedrock_model *plain = NULL, *model = NULL;
    bedrock_request *check = NULL, *request = NULL;
    bedrock_response *checked = NULL, *response = NULL;
    bedrock_error *error = NULL;
    char defaults[512], passed[4096];
    const char *json;
    size_t length;
    int failed = 1;

    snprintf(defaults, sizeof defaults,
             "{\"guardrailConfig\": {\"guardrailIdentifier\": \"%.200s\", \"guardrailVersion\": \"DRAFT\"}}",
             guardrail != NULL ? guardrail : "gr-abc123");

    if (bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &plain, &error) >= 0
        && bedrock_model_with(plain, defaults, BEDROCK_STRLEN, &model, &error) >= 0
        && (check = to_be_checked(input, &error)) != NULL
        && bedrock_call(model, "ApplyGuardrail", check, NULL, &checked, &error) >= 0) {
        json = bedrock_response_json(checked, &length);
        /* If the guardrail changed nothing, there is no output. */
        if (bedrock_json_string(json, length, "/outputs/0/text", passed, sizeof passed) >= sizeof passed)
            snprintf(passed, sizeof passed, "%s", input);
        printf("[the guardrail lets pass: %s]\n", passed);

        if (bedrock_request_new(NULL, 0, &request, &error) >= 0
            && bedrock_request_add_text(request, "user", passed, BEDROCK_STRLEN, &error) >= 0
            && bedrock_generate(model, request, NULL, &response, &error) >= 0) {
            puts(bedrock_response_text(response, NULL));
            if (strcmp(bedrock_response_stop_reason(response), "guardrail_intervened") == 0)
                puts("[the guardrail replaced the response]");
            failed = 0;
        }
    }
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_response_free(checked);
    bedrock_request_free(request);
    bedrock_request_free(check);
    bedrock_model_free(model);
    bedrock_model_free(plain);
    return example_end(failed);
}
