/* nearest.c - the name that was probably meant: few letters changed, left out, added or exchanged. */
#include "nearest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Returns how many letters have to be changed, removed, added or exchanged with their neighbour to make b of a. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[LONGEST + 1][LONGEST + 1];
    size_t a_length = strlen(a), b_length = strlen(b), i, j;

    if (a_length > LONGEST || b_length > LONGEST)
        return LONGEST;
    for (i = 0; i <= a_length; i++)
        rows[i][0] = i;
    for (j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (i = 1; i <= a_length; i++) {
        for (j = 1; j <= b_length; j++) {
            size_t changed = rows[i - 1][j - 1] + (size_t)!same(a[i - 1], b[j - 1]);

            rows[i][j] = least(changed, 1 + least(rows[i - 1][j], rows[i][j - 1]));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                rows[i][j] = least(rows[i][j], 1 + rows[i - 2][j - 2]);
        }
    }
    return rows[a_length][b_length];
}

void nearest_consider(struct nearest *best, const char *word, const char *candidate)
{
    size_t far = distance(word, candidate), length = least(strlen(word), strlen(candidate));

    if (far <= (length < 3 ? 0 : length < 6 ? 1 : length / 3) && (best->name == NULL || far < best->distance)) {
        best->name = candidate;
        best->distance = far;
    }
}
