/* doctor.h - "bedrock doctor": which credentials, region and endpoint a call would use, from where each is, and whether
 * they work. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "options.h"

int doctor(const struct options *options);

#endif
