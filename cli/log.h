/* log.h - the log of the library, for --verbose. */
#ifndef LOG_H
#define LOG_H

/* Begins and ends printing the library's messages to standard error. */
void log_start(void);
void log_end(void);

#endif
