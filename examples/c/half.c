#include "half.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char greeting[] = "hello from C";

struct half {
	int fd;
	struct event *inbox;
	struct event *timer;
	unsigned ticks;
	size_t length;
	char heard[128];
};

static void
on_timer(evutil_socket_t unused, short what, void *arg)
{
	struct half *half = arg;
	(void)unused;
	if (what & EV_TIMEOUT)
		half->ticks++;
	/* One short message into an empty socket buffer is never split. */
	if (send(half->fd, greeting, strlen(greeting), MSG_NOSIGNAL) < 0)
		event_del(half->inbox);
}

/* At the end of the stream the event goes, so that an idle loop can return. */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct half *half = arg;
	size_t room = sizeof(half->heard) - 1 - half->length;
	ssize_t n = read(fd, half->heard + half->length, room);
	(void)what;
	if (n > 0)
		half->length += (size_t)n;
	else
		event_del(half->inbox);
}

static int
half_register(struct half *half, struct event_base *base, int milliseconds)
{
	struct timeval delay = { milliseconds / 1000, milliseconds % 1000 * 1000 };
	half->inbox = event_new(base, half->fd, EV_READ | EV_PERSIST, on_readable, half);
	half->timer = evtimer_new(base, on_timer, half);
	if (!half->inbox || !half->timer)
		return -1;
	return event_add(half->inbox, NULL) || event_add(half->timer, &delay);
}

struct half *
half_new(struct event_base *base, int milliseconds, int *peer)
{
	int pair[2];
	struct half *half = calloc(1, sizeof(*half));
	if (!half)
		return NULL;
	if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		free(half);
		return NULL;
	}
	half->fd = pair[0];
	if (half_register(half, base, milliseconds) != 0) {
		half_free(half);
		close(pair[1]);
		return NULL;
	}
	*peer = pair[1];
	return half;
}

unsigned
half_ticks(const struct half *half)
{
	return half->ticks;
}

const char *
half_heard(const struct half *half)
{
	return half->heard;
}

void
half_free(struct half *half)
{
	if (half->inbox)
		event_free(half->inbox);
	if (half->timer)
		event_free(half->timer);
	close(half->fd);
	free(half);
}
