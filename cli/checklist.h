/* checklist.h - the checks of the doctor, as lines for people or as JSON. */
#ifndef CHECKLIST_H
#define CHECKLIST_H

#include "text.h"

enum check_result { CHECK_OK, CHECK_WARNING, CHECK_FAILED, CHECK_SKIPPED };

/* All of it is 0 at the beginning. */
struct checklist {
    int is_json;
    int failed;
    struct text json;
};

/* Adds a check: its name, what was found, and what to do about it, or NULL. Lines are printed at once. */
void checklist_add(struct checklist *list, enum check_result result, const char *name, const char *found,
                   const char *advice);

/* Prints the JSON, if it is wanted. Returns the exit status. */
int checklist_end(struct checklist *list);

#endif
