/* The Rust half of the program, as C sees it. */
#ifndef MONITOR_H
#define MONITOR_H

#include <event2/event.h>

struct monitor;

/* Starts a monitor on the caller's base; it reads from both descriptors, and
 * closes them. NULL on failure. */
struct monitor *monitor_start(struct event_base *base, int readings, int control);

/* How often its timer fired. */
unsigned monitor_ticks(const struct monitor *monitor);

/* Ends it. To be called before event_base_free, and outside the loop. */
void monitor_free(struct monitor *monitor);

#endif
