/* libevent as its own documentation uses it from C. */
#include "contest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>

static struct event_base *base;

static void new_base(void)
{
	base = event_base_new();
	check(base != NULL, "event_base_new");
}

/* pipe */

static struct ring ring;
static struct event *reads;

static void on_pipe(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	if (ring_pass(&ring, (struct event *)arg - reads))
		event_base_loopbreak(base);
}

static void setup(void *unused)
{
	(void)unused;
	for (int i = 0; i < ring.pipes; i++) {
		event_del(&reads[i]);
		check(event_add(&reads[i], NULL) == 0, "event_add");
	}
}

static void run(void *unused)
{
	(void)unused;
	check(event_base_dispatch(base) >= 0, "event_base_dispatch");
}

static void pipes(int pipes, int active, long writes, int rounds)
{
	new_base();
	ring_open(&ring, pipes, active, writes, rounds);
	reads = calloc(pipes, sizeof *reads);
	for (int i = 0; i < pipes; i++)
		event_assign(&reads[i], base, ring.readers[i], EV_READ | EV_PERSIST, on_pipe, &reads[i]);
	ring_rounds(&ring, setup, run, NULL);
}

/* servers */

struct client {
	struct event read, write;
	char *unsent;
	size_t from, to;
};

static char buffer[CHUNK];

static void drop(struct client *client)
{
	evutil_socket_t fd = event_get_fd(&client->read);
	event_del(&client->read);
	event_del(&client->write);
	close(fd);
	free(client->unsent);
	free(client);
}

static void on_room(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;
	ssize_t sent = send(fd, client->unsent + client->from, client->to - client->from, MSG_NOSIGNAL);
	(void)what;
	if (sent < 0 && errno != EAGAIN) {
		drop(client);
		return;
	}
	client->from += sent < 0 ? 0 : sent;
	if (client->from < client->to)
		return;
	free(client->unsent);
	client->unsent = NULL;
	event_del(&client->write);
	event_add(&client->read, NULL);
}

static void keep(struct client *client, const char *bytes, size_t length)
{
	client->unsent = malloc(length);
	check(client->unsent != NULL, "malloc");
	memcpy(client->unsent, bytes, length);
	client->from = 0;
	client->to = length;
	event_del(&client->read);
	event_add(&client->write, NULL);
}

static void on_bytes(evutil_socket_t fd, short what, void *arg)
{
	ssize_t got = recv(fd, buffer, sizeof buffer, 0);
	(void)what;
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		drop(arg);
		return;
	}
	ssize_t sent = send(fd, buffer, got, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN) {
		drop(arg);
		return;
	}
	if (sent < got)
		keep(arg, buffer + (sent < 0 ? 0 : sent), got - (sent < 0 ? 0 : sent));
}

static void on_client(evutil_socket_t listener, short what, void *unused)
{
	int fd;
	(void)what, (void)unused;
	while ((fd = next_client(listener)) >= 0) {
		struct client *client = calloc(1, sizeof *client);
		check(client != NULL, "calloc");
		event_assign(&client->read, base, fd, EV_READ | EV_PERSIST, on_bytes, client);
		event_assign(&client->write, base, fd, EV_WRITE | EV_PERSIST, on_room, client);
		event_add(&client->read, NULL);
	}
	check(errno == EAGAIN || errno == ECONNABORTED, "accept");
}

/* The same with bufferevents. */

static void on_flushed(struct bufferevent *stream, void *ended)
{
	if (ended != NULL && evbuffer_get_length(bufferevent_get_output(stream)) == 0)
		bufferevent_free(stream);
}

static void on_input(struct bufferevent *stream, void *unused)
{
	(void)unused;
	bufferevent_write_buffer(stream, bufferevent_get_input(stream));
}

static void on_end(struct bufferevent *stream, short what, void *unused)
{
	(void)unused;
	if (!(what & BEV_EVENT_EOF)) {
		bufferevent_free(stream);
		return;
	}
	bufferevent_setcb(stream, NULL, on_flushed, on_end, stream);
	on_flushed(stream, stream);
}

static void on_stream(evutil_socket_t listener, short what, void *unused)
{
	int fd;
	(void)what, (void)unused;
	while ((fd = next_client(listener)) >= 0) {
		struct bufferevent *stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
		check(stream != NULL, "bufferevent_socket_new");
		bufferevent_setcb(stream, on_input, NULL, on_end, NULL);
		bufferevent_enable(stream, EV_READ | EV_WRITE);
	}
	check(errno == EAGAIN || errno == ECONNABORTED, "accept");
}

static void on_visitor(evutil_socket_t listener, short what, void *unused)
{
	int fd;
	(void)what, (void)unused;
	while ((fd = next_client(listener)) >= 0)
		close(fd);
	check(errno == EAGAIN || errno == ECONNABORTED, "accept");
}

static void server(int port, event_callback_fn welcome)
{
	new_base();
	struct event *event = event_new(base, listen_on(port), EV_READ | EV_PERSIST, welcome, NULL);
	check(event != NULL && event_add(event, NULL) == 0, "event_add");
	puts("ready");
	run(NULL);
}

static void echo(int port) { server(port, on_client); }

static void buffered_echo(int port) { server(port, on_stream); }

static void accepts(int port) { server(port, on_visitor); }

/* timers */

static long fired;

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	fired++;
}

static void timers(long count)
{
	struct chance chance;
	new_base();
	long before = resident_kb();
	struct event *all = malloc(count * sizeof *all);
	chance_begin(&chance);
	uint64_t begin = cpu_ns();
	for (long i = 0; i < count; i++) {
		struct timeval delay = { 0, chance_below(&chance, 1000000) };
		evtimer_assign(&all[i], base, on_time, NULL);
		check(evtimer_add(&all[i], &delay) == 0, "evtimer_add");
	}
	uint64_t added = cpu_ns();
	long rss = resident_kb() - before;
	uint64_t cancel = cpu_ns();
	for (long i = 0; i < count; i += 2)
		evtimer_del(&all[i]);
	uint64_t cancelled = cpu_ns();
	run(NULL);
	uint64_t end = cpu_ns();
	check(fired == count / 2, "not all timers fired");
	printf("add_ns=%.1f cancel_ns=%.1f fire_ns=%.1f rss_kb=%ld\n",
	    (double)(added - begin) / count, (double)(cancelled - cancel) / ((count + 1) / 2),
	    (double)(end - cancelled) / (count / 2), rss);
}

static void rearm(long count, long moves)
{
	const struct timeval delay = { 30, 0 };
	struct chance chance;
	new_base();
	struct event *all = malloc(count * sizeof *all);
	for (long i = 0; i < count; i++) {
		evtimer_assign(&all[i], base, on_time, NULL);
		check(evtimer_add(&all[i], &delay) == 0, "evtimer_add");
	}
	chance_begin(&chance);
	uint64_t begin = cpu_ns();
	for (long i = 0; i < moves; i++)
		evtimer_add(&all[chance_below(&chance, count)], &delay);
	printf("rearm_ns=%.2f\n", (double)(cpu_ns() - begin) / moves);
}

struct precise {
	struct lateness late;
	struct event timer;
	struct timeval delay;
	uint64_t due;
	long left;
};

static void arm(struct precise *precise)
{
	precise->due = wall_ns() + precise->delay.tv_sec * UINT64_C(1000000000) +
	    precise->delay.tv_usec * UINT64_C(1000);
	evtimer_add(&precise->timer, &precise->delay);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct precise *precise = arg;
	(void)fd, (void)what;
	lateness_fires(&precise->late, precise->due);
	if (--precise->left > 0)
		arm(precise);
}

static void precision(long count, long micros)
{
	struct precise precise = { .delay = { micros / 1000000, micros % 1000000 }, .left = count };
	new_base();
	lateness_begin(&precise.late, count);
	evtimer_assign(&precise.timer, base, on_due, &precise);
	arm(&precise);
	run(NULL);
	lateness_print(&precise.late);
}

int main(int argc, char **argv)
{
	static const struct contestant libevent = {
		.pipe = pipes, .echo = echo, .accept = accepts,
		.timers = timers, .rearm = rearm, .precision = precision,
	};
	static const struct contestant buffered = { .echo = buffered_echo };
	if (argc > 1 && strcmp(argv[1], "bufferevent") == 0)
		return contest(&buffered, argc - 1, argv + 1);
	return contest(&libevent, argc, argv);
}
