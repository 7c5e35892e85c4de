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
	/* Bytes of the blank line after a request that have been seen. */
	unsigned matched;
	char *unsent;
	size_t from, to;
};

static char buffer[CHUNK];
static int listener;
/* Answers what is in the buffer; -1 if the connection broke. */
static int (*answer)(struct client *, size_t got);

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

static void serve(struct client *client)
{
	for (;;) {
		int flushed = flush(client);
		if (flushed == 0)
			return;
		ssize_t got = flushed < 0 ? 0 : recv(client->fd, buffer, sizeof buffer, 0);
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0 || answer(client, got) < 0) {
			drop(client);
			return;
		}
		if (got < CHUNK && !client->ended && !client->unsent)
			return;
	}
}

static int echo_back(struct client *client, size_t got)
{
	return reply(client, buffer, got);
}

#define GREETING "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n" \
	"content-length: 13\r\n\r\nHello, World!"

/* One after another, for all requests that can end in one buffer. */
static char greetings[(CHUNK / 4 + 1) * (sizeof GREETING - 1)];

/* How many requests without a body end in the buffer. */
static size_t requests(struct client *client, size_t got)
{
	static const char end[] = "\r\n\r\n";
	size_t ends = 0;
	for (size_t i = 0; i < got; i++) {
		if (buffer[i] == end[client->matched])
			client->matched++;
		else
			client->matched = buffer[i] == '\r';
		if (client->matched == sizeof end - 1) {
			client->matched = 0;
			ends++;
		}
	}
	return ends;
}

static int greet(struct client *client, size_t got)
{
	size_t ends = requests(client, got);
	return ends == 0 ? 1 : reply(client, greetings, ends * (sizeof GREETING - 1));
}

static void welcome(void)
{
	int fd;
	while ((fd = next_client(listener)) >= 0) {
		if (!answer) {
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

static void echo(int port) { answer = echo_back; server(port); }

static void accepts(int port) { answer = NULL; server(port); }

static void http(int port)
{
	for (size_t at = 0; at < sizeof greetings; at += sizeof GREETING - 1)
		memcpy(greetings + at, GREETING, sizeof GREETING - 1);
	answer = greet;
	server(port);
}

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
