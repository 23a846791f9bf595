/* members.h - JSON objects that are composed of members. */
#ifndef MEMBERS_H
#define MEMBERS_H

#include "text.h"

/* An object is begun, gets members, and is ended. */
void members_begin(struct text *object);
void members_end(struct text *object);

/* Adds a member whose value is JSON. */
void members_add(struct text *object, const char *key, const char *json, size_t length);

/* Adds a member whose value is a string. Returns -1, and adds nothing, if it is not UTF-8. */
int members_add_string(struct text *object, const char *key, const char *string);

/* Adds the members of another object, without those whose keys are in except, which NULL ends. */
void members_copy(struct text *object, const char *json, size_t length, const char *const *except);

#endif
