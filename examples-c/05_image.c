/* 05_image.c - send a picture: bytes by pointer, no base64, no copy.
 *
 *     cc 05_image.c $(pkg-config --cflags --libs bedrock) -o 05_image
 *     ./05_image photo.jpg
 *
 * Documents are sent in the same way (10_document.c). For audio, video and your own JSON use
 * bedrock_request_attach, which gives the bytes a name. */
#include <bedrock.h>

#include <stdio.h>
#include <stdlib.h>

#include "example.h"

static const char replies[] = "[\"The picture is a square: its upper half is red, its lower half is blue.\"]";

/* A PNG of 16 x 16 pixels, for when no file is given. */
static const unsigned char red_and_blue[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
    0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x01, 0x03, 0x00, 0x00, 0x00, 0x25, 0x3d, 0x6d, 0x22, 0x00, 0x00, 0x00,
    0x06, 0x50, 0x4c, 0x54, 0x45, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0x6c, 0xa1, 0xfd, 0x8e, 0x00, 0x00, 0x00,
    0x0f, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x60, 0xc0, 0x01, 0xfe, 0xff, 0xc7, 0x8a, 0x00, 0xbf, 0x70,
    0x0f, 0xf1, 0xc6, 0x58, 0x20, 0x3d, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

/* The library calls this when it no longer needs the bytes: exactly once, on a thread of the program inside a call.
 * (Without the message free itself would do: it has the type of a release function.) */
static void release(void *memory)
{
    fprintf(stderr, "[the picture is released]\n");
    free(memory);
}

int main(int argc, char **argv)
{
    bedrock_model *model = NULL;
    bedrock_request *request = NULL;
    bedrock_response *response = NULL;
    bedrock_error *error = NULL;
    const unsigned char *bytes = red_and_blue;
    size_t size = sizeof red_and_blue;
    unsigned char *memory = NULL;
    int failed = 1;

    if (argc > 1) {
        bytes = memory = example_read_file(argv[1], &size);
        if (memory == NULL) {
            fprintf(stderr, "%s: cannot be read, or is empty\n", argv[1]);
            return EXIT_FAILURE;
        }
    }
    /* From add_image on, the library releases the memory, also if add_image itself fails. Until then the program owns
     * it. The bytes show the format. */
    if (bedrock_request_new(NULL, 0, &request, &error) < 0) {
        free(memory);
    } else if (bedrock_request_add_image(request, "user", NULL, bytes, size, release, memory, &error) >= 0
               && bedrock_request_add_text(request, "user", "Describe this picture in one sentence.", BEDROCK_STRLEN,
                                           &error) >= 0
               && bedrock_model_new(example_config(replies), BEDROCK_STRLEN, &model, &error) >= 0
               && bedrock_generate(model, request, NULL, &response, &error) >= 0) {
        printf("%s\n", bedrock_response_text(response, NULL));
        failed = 0;
    }
    if (failed)
        fprintf(stderr, "%s\n", bedrock_error_message(error));

    bedrock_error_free(error);
    bedrock_response_free(response);
    bedrock_request_free(request); /* release runs here */
    bedrock_model_free(model);
    return example_end(failed);
}
