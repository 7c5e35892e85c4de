/* A loop written by hand on epoll: the practical limit. */
#include "contest.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

enum { BATCH = 1024 };

static int poller;

static void watch(int operation, int fd, uint32_t events, void *data)
{
	struct epoll_event event = { .events = events, .data.ptr = data };
	check(epoll_ctl(poller, operation, fd, &event) == 0, "epoll_ctl");
}

static int wait_for(struct epoll_event *events)
{
	for (;;) {
		int count = epoll_wait(poller, events, BATCH, -1);
		if (count >= 0)
			return count;
		check(errno == EINTR, "epoll_wait");
	}
}

/* pipe */

static struct ring ring;

static void setup(void *first)
{
	int *is_first = first;
	for (int i = 0; i < ring.pipes; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u32 = i };
		if (!*is_first)
			check(epoll_ctl(poller, EPOLL_CTL_DEL, ring.readers[i], NULL) == 0, "epoll_ctl");
		check(epoll_ctl(poller, EPOLL_CTL_ADD, ring.readers[i], &event) == 0, "epoll_ctl");
	}
	*is_first = 0;
}

static void run(void *unused)
{
	struct epoll_event events[BATCH];
	(void)unused;
	for (;;) {
		int count = wait_for(events), over = 0;
		for (int i = 0; i < count; i++)
			over |= ring_pass(&ring, events[i].data.u32);
		if (over)
			return;
	}
}

static void pipes(int pipes, int active, long writes, int rounds)
{
	int first = 1;
	poller = epoll_create1(0);
	ring_open(&ring, pipes, active, writes, rounds);
	ring_rounds(&ring, setup, run, &first);
}

/* servers */

struct client {
	int fd;
	/* The peer has ended its stream, or broken it: a short read is not the last. */
	int ended;
	char *unsent;
	size_t from, to;
};

static char buffer[CHUNK];
static int listener;
static void (*serve)(struct client *);

static void drop(struct client *client)
{
	close(client->fd);
	free(client->unsent);
	free(client);
}

static void keep(struct client *client, const char *bytes, size_t length)
{
	client->unsent = malloc(length);
	check(client->unsent != NULL, "malloc");
	memcpy(client->unsent, bytes, length);
	client->from = 0;
	client->to = length;
}

/* Whether there is nothing left to be sent; -1 if the connection broke. */
static int flush(struct client *client)
{
	while (client->unsent) {
		ssize_t sent = send(client->fd, client->unsent + client->from,
		    client->to - client->from, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN ? 0 : -1;
		client->from += sent;
		if (client->from == client->to) {
			free(client->unsent);
			client->unsent = NULL;
		}
	}
	return 1;
}

static int reply(struct client *client, const char *bytes, size_t length)
{
	ssize_t sent = send(client->fd, bytes, length, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return -1;
	if (sent < 0)
		sent = 0;
	if ((size_t)sent < length)
		keep(client, bytes + sent, length - sent);
	return 1;
}

static void echo_client(struct client *client)
{
	for (;;) {
		int flushed = flush(client);
		if (flushed == 0)
			return;
		ssize_t got = flushed < 0 ? 0 : recv(client->fd, buffer, sizeof buffer, 0);
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0 || reply(client, buffer, got) < 0) {
			drop(client);
			return;
		}
		if (got < CHUNK && !client->ended && !client->unsent)
			return;
	}
}

static void greet_client(struct client *client)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
	    "content-length: 13\r\n\r\nHello, World!";
	ssize_t got = recv(client->fd, buffer, sizeof buffer, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	/* The load sends one request at a time, whole. */
	if (got < 4 || memcmp(buffer + got - 4, "\r\n\r\n", 4) != 0 ||
	    reply(client, answer, sizeof answer - 1) < 0)
		drop(client);
}

static void welcome(void)
{
	int fd;
	while ((fd = next_client(listener)) >= 0) {
		if (!serve) {
			close(fd);
			continue;
		}
		struct client *client = calloc(1, sizeof *client);
		check(client != NULL, "calloc");
		client->fd = fd;
		watch(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, client);
	}
	check(errno == EAGAIN || errno == ECONNABORTED, "accept");
}

static void server(int port)
{
	static struct epoll_event events[BATCH];
	poller = epoll_create1(0);
	listener = listen_on(port);
	watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
	puts("ready");
	for (;;) {
		int count = wait_for(events);
		for (int i = 0; i < count; i++) {
			struct client *client = events[i].data.ptr;
			if (!client) {
				welcome();
				continue;
			}
			if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
				client->ended = 1;
			serve(client);
		}
	}
}

static void echo(int port) { serve = echo_client; server(port); }

static void accepts(int port) { serve = NULL; server(port); }

static void http(int port) { serve = greet_client; server(port); }

/* precision: an absolute timerfd */

static void precision(long count, long micros)
{
	struct lateness late;
	struct epoll_event events[BATCH];
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	poller = epoll_create1(0);
	watch(EPOLL_CTL_ADD, timer, EPOLLIN | EPOLLET, NULL);
	lateness_begin(&late, count);
	for (long i = 0; i < count; i++) {
		uint64_t due = wall_ns() + micros * 1000;
		struct itimerspec spec = { .it_value = { due / 1000000000, due % 1000000000 } };
		check(timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL) == 0, "timerfd_settime");
		wait_for(events);
		lateness_fires(&late, due);
	}
	lateness_print(&late);
}

int main(int argc, char **argv)
{
	static const struct contestant raw = {
		.pipe = pipes, .echo = echo, .accept = accepts, .http = http, .precision = precision,
	};
	return contest(&raw, argc, argv);
}
