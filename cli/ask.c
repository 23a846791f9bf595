/* ask.c - "bedrock ask": one prompt, one response. */
#include "ask.h"

#include "attach.h"
#include "config.h"
#include "conversation.h"
#include "exchange.h"
#include "exit_status.h"
#include "failure.h"
#include "output.h"
#include "prompt.h"
#include "request.h"
#include "text.h"

/* Adds everything that the user sends to the conversation. */
static int add_question(struct conversation *conversation, const struct options *options, const struct text *prompt)
{
    const char *system = options_value(options, OPTION_SYSTEM);
    bedrock_error *error = NULL;
    bedrock_status result = BEDROCK_OK;
    int status = EXIT_COMPLETE;

    if (system != NULL)
        result = request_set_system(conversation->request, system, &error);
    if (result >= 0)
        status = attach_all(conversation->request, options);
    if (result >= 0 && status == EXIT_COMPLETE)
        result = bedrock_request_add_text(conversation->request, "user", text_string(prompt), prompt->length, &error);
    if (result < 0)
        status = failure_report(result, error, 0);
    if (status == EXIT_COMPLETE)
        status = conversation_trim(conversation->request, options_value(options, OPTION_TRIM));
    return status;
}

/* Sends a copy with the options that hold for this call alone. The conversation then gets the response. */
static int send_question(struct conversation *conversation, const struct options *options, const bedrock_model *model)
{
    bedrock_request *sent = NULL;
    bedrock_error *error = NULL;
    struct exchange exchange;
    bedrock_status result = bedrock_request_clone(conversation->request, &sent, &error);
    int status = result < 0 ? failure_report(result, error, 0) : request_set_options(sent, options);

    if (status == EXIT_COMPLETE) {
        exchange_print(model, sent, options, &exchange);
        if (exchange.status == BEDROCK_DONE)
            exchange.status = bedrock_request_add_response(conversation->request, exchange.response, &exchange.error);
        status = exchange_end(&exchange);
    }
    /* Only a turn that is complete is kept, so that the file always holds a conversation that can go on. */
    if (status == EXIT_COMPLETE)
        status = conversation_save(conversation);
    bedrock_request_free(sent);
    return status;
}

int ask(const struct options *options)
{
    struct conversation conversation = {0};
    struct text prompt = {0};
    bedrock_model *model = NULL;
    int status = prompt_read(options, &prompt);

    if (status == EXIT_COMPLETE && prompt.length == 0 && !options_has(options, OPTION_IMAGE)
        && !options_has(options, OPTION_DOCUMENT)) {
        output_complain("there is no prompt. Give one, or a pipe: bedrock ask \"Why is the sky blue?\". "
                        "See bedrock ask --help; bedrock chat is a conversation");
        status = EXIT_USAGE;
    }
    if (status == EXIT_COMPLETE)
        status = config_model(options, &model);
    if (status == EXIT_COMPLETE)
        status = conversation_open(&conversation, options_value(options, OPTION_CONVERSATION));
    if (status == EXIT_COMPLETE)
        status = add_question(&conversation, options, &prompt);
    if (status == EXIT_COMPLETE)
        status = send_question(&conversation, options, model);
    conversation_close(&conversation);
    bedrock_model_free(model);
    config_finish(options);
    text_free(&prompt);
    return status;
}
