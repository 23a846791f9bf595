/* checklist.c - the checks of the doctor, as lines for people or as JSON. */
#include "checklist.h"

#include "exit_status.h"
#include "members.h"
#include "output.h"

static const char *const words[] = {"ok", "warn", "FAIL", "skip"};
static const char *const json_words[] = {"ok", "warning", "failed", "skipped"};

static void add_line(enum check_result result, const char *name, const char *found, const char *advice)
{
    struct text line = {0};

    text_format(&line, "%-5s %-13s %s\n", words[result], name, found);
    if (advice != NULL)
        text_format(&line, "%19s -> %s\n", "", advice);
    output_write(text_string(&line), line.length);
    text_free(&line);
}

void checklist_add(struct checklist *list, enum check_result result, const char *name, const char *found,
                   const char *advice)
{
    if (result == CHECK_FAILED)
        list->failed = 1;
    if (!list->is_json) {
        add_line(result, name, found, advice);
        return;
    }
    text_puts(&list->json, list->json.length == 0 ? "[" : ",\n ");
    members_begin(&list->json);
    members_add_string(&list->json, "check", name);
    members_add_string(&list->json, "result", json_words[result]);
    members_add_string(&list->json, "found", found);
    if (advice != NULL)
        members_add_string(&list->json, "advice", advice);
    members_end(&list->json);
}

int checklist_end(struct checklist *list)
{
    if (list->is_json) {
        text_puts(&list->json, list->json.length == 0 ? "[]\n" : "]\n");
        output_write(text_string(&list->json), list->json.length);
    }
    text_free(&list->json);
    return list->failed ? EXIT_ERROR : EXIT_COMPLETE;
}
