/* option_table.c - all commands and options, in the order in which help lists them. */
#include "options.h"

#define ASK (1u << COMMAND_ASK)
#define CHAT (1u << COMMAND_CHAT)
#define CALL (1u << COMMAND_CALL)
#define DOCTOR (1u << COMMAND_DOCTOR)
#define CONFIGURED (ASK | CHAT | CALL | DOCTOR)
#define ALL (CONFIGURED | 1u << COMMAND_COMPLETION)

const struct option option_table[] = {
    {OPTION_SYSTEM, "system", 's', "TEXT", ASK | CHAT, "the system prompt"},
    {OPTION_IMAGE, "image", 'i', "FILE", ASK | CHAT, "send an image; may be given several times"},
    {OPTION_DOCUMENT, "document", 'd', "FILE", ASK | CHAT, "send a document; may be given several times"},
    {OPTION_CONVERSATION, "conversation", 'c', "FILE", ASK | CHAT,
     "go on with the conversation in the file, and keep it there"},
    {OPTION_TRIM, "trim", '\0', "NUMBER", ASK | CHAT, "keep at most this many messages of the conversation"},
    {OPTION_MAX_TOKENS, "max-tokens", 'n', "NUMBER", ASK | CHAT, "the most tokens of the response"},
    {OPTION_TEMPERATURE, "temperature", 't', "NUMBER", ASK | CHAT, "how varied the response is, from 0 to 1"},
    {OPTION_TOP_P, "top-p", '\0', "NUMBER", ASK | CHAT, "choose among the most probable tokens, from 0 to 1"},
    {OPTION_STOP, "stop", '\0', "TEXT", ASK | CHAT, "end the response at this text; may be given several times"},
    {OPTION_SCHEMA, "schema", '\0', "FILE", ASK, "respond with JSON that follows the JSON schema in the file"},
    {OPTION_REQUEST, "request", '\0', "JSON|@FILE", ASK | CHAT,
     "more members of the request: tools, guardrailConfig, ..."},
    {OPTION_BODY, "json", 'j', "BODY|@FILE|-", CALL, "the request; - reads it from standard input"},
    {OPTION_ATTACH, "attach", '\0', "NAME=FILE", CALL,
     "the bytes for \"@NAME\" in the request; may be given several times"},
    {OPTION_JSON, "json", 'j', NULL, ASK, "print the whole response, as JSON"},
    {OPTION_JSON, "json", 'j', NULL, DOCTOR, "print the checks as JSON"},
    {OPTION_NO_STREAM, "no-stream", '\0', NULL, ASK | CHAT | CALL, "wait for the whole response"},
    {OPTION_USAGE, "usage", 'u', NULL, ASK | CHAT | CALL, "print tokens and times to standard error"},
    {OPTION_REASONING, "reasoning", '\0', NULL, ASK | CHAT, "print the model's reasoning to standard error"},
    {OPTION_SEND, "send", '\0', NULL, DOCTOR, "also send a tiny request, which costs a few tokens"},
    {OPTION_MODEL, "model", 'm', "ID", CONFIGURED, "a model id, an inference profile or an ARN"},
    {OPTION_REGION, "region", 'r', "REGION", CONFIGURED, "the region that is called"},
    {OPTION_PROFILE, "profile", 'p', "NAME", CONFIGURED, "a profile of ~/.aws/config and ~/.aws/credentials"},
    {OPTION_BASE_URL, "base-url", '\0', "URL", CONFIGURED, "another endpoint"},
    {OPTION_TIMEOUT, "timeout", '\0', "DURATION", CONFIGURED, "the longest wait without progress, such as 30s"},
    {OPTION_CONFIG, "config", '\0', "JSON|@FILE", CONFIGURED,
     "more of the library's config: retry, proxy, timeouts, ..."},
    {OPTION_RECORD, "record", '\0', "FILE", ASK | CHAT | CALL, "write requests and responses into the file"},
    {OPTION_REPLAY, "replay", '\0', "FILE", ASK | CHAT | CALL, "take the responses from a recording, without network"},
    {OPTION_VERBOSE, "verbose", 'v', NULL, CONFIGURED, "log what the library does to standard error"},
    {OPTION_HELP, "help", 'h', NULL, ALL, "print this help"},
    {OPTION_VERSION, "version", 'V', NULL, ALL, "print the version"},
};

const size_t option_count = sizeof option_table / sizeof option_table[0];

const struct command_text command_table[COMMANDS] = {
    {"ask", "[OPTION...] [PROMPT...]", "print the response to a prompt, while the model writes it"},
    {"chat", "[OPTION...]", "talk to a model"},
    {"call", "[OPTION...] OPERATION", "call any operation of the Bedrock runtime, and print JSON"},
    {"doctor", "[OPTION...]", "check credentials, region and endpoint, and say where each is from"},
    {"completion", "SHELL", "print the completions for bash, zsh or fish"},
};

const char *const operation_names[] = {
    "ApplyGuardrail", "Converse", "ConverseStream", "CountTokens", "GetAsyncInvoke", "InvokeGuardrailChecks",
    "InvokeModel", "InvokeModelWithResponseStream", "ListAsyncInvokes", "StartAsyncInvoke", NULL,
};

const char *const shell_names[] = {"bash", "zsh", "fish", NULL};
