/* example.h - shared by the examples, so that each of them shows one idea.
 *
 * It chooses what an example calls, and prints the choice on stderr:
 *
 *   the real service   if AWS credentials seem to be there, or BEDROCK_BASE_URL is set;
 *   a script           otherwise: replies in the example itself. No AWS account is needed, and everything but the network
 *                      is real. Test your own programs with it.
 *
 *   BEDROCK_EXAMPLE    "scripted" or "real" makes the choice (for example on EC2, whose credentials are in no file)
 *   BEDROCK_MODEL      another model than the one below: an id, an inference profile or an ARN
 *   BEDROCK_BASE_URL   another endpoint, such as a local server: http://127.0.0.1:14566
 *
 * A program of yours needs none of this: bedrock_model_new("{\"model\": \"...\"}", BEDROCK_STRLEN, &model, &error)
 * finds credentials and region as every AWS SDK does. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLE_MODEL "us.anthropic.claude-haiku-4-5-20251001-v1:0"

/* Returns an environment variable, or NULL if it is not set or empty. */
static inline const char *example_env(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static inline int example_home_has(const char *file)
{
    const char *home = example_env("HOME");
    char path[1024];
    FILE *stream;

    if (home == NULL || snprintf(path, sizeof path, "%s/%s", home, file) >= (int)sizeof path)
        return 0;
    stream = fopen(path, "r");
    if (stream == NULL)
        return 0;
    fclose(stream);
    return 1;
}

/* Guesses whether there are credentials. The library itself reads more than these. */
static inline int example_has_credentials(void)
{
    return example_env("AWS_ACCESS_KEY_ID") != NULL || example_env("AWS_PROFILE") != NULL
        || example_env("AWS_BEARER_TOKEN_BEDROCK") != NULL
        || (example_env("AWS_ROLE_ARN") != NULL && example_env("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL)
        || example_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL
        || example_env("AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL
        || example_home_has(".aws/credentials") || example_home_has(".aws/config");
}

static inline int example_is_scripted(void)
{
    const char *choice = example_env("BEDROCK_EXAMPLE");

    if (choice != NULL)
        return strcmp(choice, "real") != 0;
    return example_env("BEDROCK_BASE_URL") == NULL && !example_has_credentials();
}

/* Returns the config for bedrock_model_new: the real service, or the script with these replies (a JSON array, which
 * begins again after the last). The text is valid until the next call; bedrock_model_new copies it. */
static inline const char *example_config(const char *replies)
{
    static char config[16384];
    const char *model = example_env("BEDROCK_MODEL");
    const char *url = example_env("BEDROCK_BASE_URL");
    char model_json[2304], url_json[1024];
    int length;

    if (model == NULL)
        model = EXAMPLE_MODEL;
    if (url == NULL)
        url = "";

    /* Text from outside goes into JSON through bedrock_json_quote. Its result is below the size if the text fitted. */
    if (bedrock_json_quote(model, BEDROCK_STRLEN, model_json, sizeof model_json) >= sizeof model_json
        || bedrock_json_quote(url, BEDROCK_STRLEN, url_json, sizeof url_json) >= sizeof url_json) {
        fprintf(stderr, "BEDROCK_MODEL or BEDROCK_BASE_URL is too long, or not UTF-8\n");
        exit(EXIT_FAILURE);
    }

    if (example_is_scripted()) {
        fprintf(stderr, "[a script responds, no AWS account is used: %s]\n",
                example_env("BEDROCK_EXAMPLE") != NULL ? "BEDROCK_EXAMPLE is set" : "no credentials were found");
        length = snprintf(config, sizeof config,
                          "{\"model\": %s, \"transport\": {\"replies\": %s, \"repeat\": true}}", model_json, replies);
    } else if (url[0] == '\0') {
        fprintf(stderr, "[Amazon Bedrock responds, model %s]\n", model);
        length = snprintf(config, sizeof config, "{\"model\": %s}", model_json);
    } else {
        /* Servers for a local machine want a signature, mostly with the keys "test" and "test". */
        int local = strncmp(url, "http://", 7) == 0 && !example_has_credentials();

        fprintf(stderr, "[%s responds, model %s]\n", url, model);
        length = snprintf(config, sizeof config, "{\"model\": %s, \"base_url\": %s%s}", model_json, url_json,
                          local ? ", \"api_key\": \"test\", \"secret_key\": \"test\"" : "");
    }
    if (length < 0 || (size_t)length >= sizeof config) {
        fprintf(stderr, "example_config: the replies are too long\n");
        exit(EXIT_FAILURE);
    }
    return config;
}

/* Reads a file into memory from malloc. Returns NULL if that fails or the file is empty. */
static inline unsigned char *example_read_file(const char *path, size_t *size)
{
    unsigned char *bytes = NULL;
    FILE *file = fopen(path, "rb");
    long end;

    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) > 0 && fseek(file, 0, SEEK_SET) == 0
        && (bytes = malloc((size_t)end)) != NULL) {
        *size = fread(bytes, 1, (size_t)end, file);
        if (*size != (size_t)end) {
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(file);
    return bytes;
}

/* Returns the exit status of an example: a failure if failed is not 0, if the output could not be written, or if a
 * handle was not freed. */
static inline int example_end(int failed)
{
    size_t live = bedrock_live_handles();

    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "the output could not be written\n");
        failed = 1;
    }
    if (live != 0) {
        fprintf(stderr, "%lu handles were not freed\n", (unsigned long)live);
        failed = 1;
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
