/* A C program with an event loop of its own, from before Rust came. It takes
 * readings by a timer and writes them to a socket; a monitor written in Rust
 * lives on the same event_base and answers there. */
#include "monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READINGS = 5 };

struct host {
	struct event_base *base;
	struct event *timer;
	struct event *inbox;
	int readings;
	int control;
	int taken;
	char answer[64];
};

static const struct timeval interval = { 0, 10 * 1000 };

/* The end of the readings is the end of that direction of the socket. */
static void
take_reading(evutil_socket_t fd, short what, void *arg)
{
	struct host *host = arg;
	char line[32];
	int length = snprintf(line, sizeof(line), "%d\n", 20 + host->taken);
	(void)fd;
	(void)what;
	printf("C:    reading %d is %s", host->taken, line);
	if (send(host->readings, line, (size_t)length, MSG_NOSIGNAL) != length)
		perror("send");
	if (++host->taken < READINGS)
		event_add(host->timer, &interval);
	else
		shutdown(host->readings, SHUT_WR);
}

static void
hear_answer(evutil_socket_t fd, short what, void *arg)
{
	struct host *host = arg;
	ssize_t n = read(fd, host->answer, sizeof(host->answer) - 1);
	(void)what;
	if (n > 0)
		printf("C:    the monitor answers: %s", host->answer);
	event_del(host->inbox);
}

/* Gives the two far ends away. */
static struct monitor *
start_monitor(struct host *host)
{
	int readings[2], control[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, readings) < 0)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, control) < 0)
		return NULL;
	host->readings = readings[0];
	host->control = control[0];
	return monitor_start(host->base, readings[1], control[1]);
}

static int
start_host(struct host *host)
{
	host->timer = evtimer_new(host->base, take_reading, host);
	host->inbox = event_new(host->base, host->readings, EV_READ | EV_PERSIST, hear_answer, host);
	if (!host->timer || !host->inbox)
		return -1;
	if (send(host->control, "calibrated", 10, MSG_NOSIGNAL) != 10)
		return -1;
	shutdown(host->control, SHUT_WR);
	return event_add(host->inbox, NULL) || event_add(host->timer, &interval);
}

int
main(void)
{
	struct host host = { 0 };
	struct monitor *monitor;
	int left;
	/* So that the lines of both languages keep their order in a pipe too. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	host.base = event_base_new();
	if (!host.base || !(monitor = start_monitor(&host)) || start_host(&host) != 0) {
		fprintf(stderr, "the program could not start\n");
		return EXIT_FAILURE;
	}

	/* C's loop as it always was: until nobody waits for anything. */
	left = event_base_dispatch(host.base);

	printf("C:    the loop returned %d; Rust's timer fired %s\n", left,
	    monitor_ticks(monitor) > 0 ? "as well" : "never");
	if (left != 1 || monitor_ticks(monitor) == 0 || strcmp(host.answer, "mean 22\n") != 0)
		return EXIT_FAILURE;
	monitor_free(monitor);
	event_free(host.timer);
	event_free(host.inbox);
	event_base_free(host.base);
	close(host.readings);
	close(host.control);
	return EXIT_SUCCESS;
}
