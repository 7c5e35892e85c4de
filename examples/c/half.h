/* The C half of a shared loop: what an existing C program would bring along. */
#ifndef HALF_H
#define HALF_H

#include <event2/event.h>

struct half;

/* Registers a timer and one end of a new socket pair with the caller's base;
 * the other end goes to *peer and is the caller's to close. NULL on failure. */
struct half *half_new(struct event_base *base, int milliseconds, int *peer);

/* How often the timer fired, and all that arrived on the socket. */
unsigned half_ticks(const struct half *half);
const char *half_heard(const struct half *half);

void half_free(struct half *half);

#endif
