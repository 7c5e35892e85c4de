/*
 * What a libevent built for another target must be able to do before it deserves the name: the loop, a timer, a TCP echo
 * through a listener and bufferevents, a file sent from a segment, a bufferevent pair, buffers, addresses, URIs, random
 * bytes. Compiled by scripts/check-cross against the installed headers, as a stranger's C program would be.
 *
 * usage: smoke BACKEND
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __LINE__))

/* The library was compiled with 64-bit file offsets; this program was not told so. */
_Static_assert(sizeof(ev_off_t) == 8, "ev_off_t has 64 bits on every target");

enum { PAYLOAD = 300000 };

struct echo {
	struct event_base *base;
	struct bufferevent *server;
	unsigned char sent[PAYLOAD];
};

static void failed(const char *condition, int line)
{
	fprintf(stderr, "smoke.c:%d: %s does not hold\n", line, condition);
	exit(1);
}

static void check_build(void)
{
	CHECK(strcmp(event_get_version(), LIBEVENT_VERSION) == 0);
	CHECK(event_get_version_number() == LIBEVENT_VERSION_NUMBER);
	CHECK(event_get_struct_event_size() == sizeof(struct event));
}

static struct event_base *new_base(const char *backend)
{
	struct event_base *base;
#ifdef _WIN32
	CHECK(evthread_use_windows_threads() == 0);
#else
	CHECK(evthread_use_pthreads() == 0);
#endif
	base = event_base_new();
	CHECK(base != NULL);
	CHECK(evthread_make_base_notifiable(base) == 0);
	CHECK(strcmp(event_base_get_method(base), backend) == 0);
	return base;
}

static void count(evutil_socket_t fd, short events, void *fired)
{
	(void)fd;
	CHECK(events == EV_TIMEOUT);
	++*(int *)fired;
}

static void check_timer(struct event_base *base)
{
	const struct timeval delay = {0, 30000};
	struct timeval start, now, elapsed;
	struct evutil_monotonic_timer *clock = evutil_monotonic_timer_new();
	int fired = 0;

	CHECK(clock != NULL);
	CHECK(evutil_configure_monotonic_time(clock, EV_MONOT_PRECISE) == 0);
	CHECK(evutil_gettime_monotonic(clock, &start) == 0);
	CHECK(event_base_once(base, -1, EV_TIMEOUT, count, &fired, &delay) == 0);
	CHECK(event_base_dispatch(base) == 1);
	CHECK(evutil_gettime_monotonic(clock, &now) == 0);
	evutil_timersub(&now, &start, &elapsed);
	CHECK(fired == 1);
	/* The default clock of the loop may be some milliseconds coarse. */
	CHECK(elapsed.tv_sec > 0 || elapsed.tv_usec >= 20000);
	evutil_monotonic_timer_free(clock);
}

static void send_back(struct bufferevent *bev, void *context)
{
	(void)context;
	CHECK(bufferevent_write_buffer(bev, bufferevent_get_input(bev)) == 0);
}

static void compare(struct bufferevent *bev, void *context)
{
	struct echo *echo = context;
	struct evbuffer *input = bufferevent_get_input(bev);

	if (evbuffer_get_length(input) < PAYLOAD)
		return;
	CHECK(evbuffer_get_length(input) == PAYLOAD);
	CHECK(memcmp(evbuffer_pullup(input, -1), echo->sent, PAYLOAD) == 0);
	CHECK(event_base_loopexit(echo->base, NULL) == 0);
}

static void end(struct bufferevent *bev, short events, void *context)
{
	(void)bev, (void)context;
	CHECK(events == BEV_EVENT_CONNECTED);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length, void *context)
{
	struct echo *echo = context;
	struct event_base *base = evconnlistener_get_base(listener);

	(void)length;
	CHECK(address->sa_family == AF_INET);
	echo->server = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);
	CHECK(echo->server != NULL);
	bufferevent_setcb(echo->server, send_back, NULL, end, NULL);
	CHECK(bufferevent_enable(echo->server, EV_READ | EV_WRITE) == 0);
}

static struct evconnlistener *listen_on_loopback(struct echo *echo, struct sockaddr_in *address)
{
	ev_socklen_t length = sizeof(*address);
	struct evconnlistener *listener;

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = evconnlistener_new_bind(echo->base, accepted, echo, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1,
	    (struct sockaddr *)address, sizeof(*address));
	CHECK(listener != NULL);
	CHECK(getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)address, &length) == 0);
	return listener;
}

/* Half of the payload goes out of memory, the other half out of a file: by sendfile, mmap or read. */
static void send_payload(struct bufferevent *bev, const struct echo *echo, FILE *file)
{
	struct evbuffer *output = bufferevent_get_output(bev);
	struct evbuffer_file_segment *segment;
	const int half = PAYLOAD / 2;

	CHECK(fwrite(echo->sent, 1, PAYLOAD, file) == PAYLOAD && fflush(file) == 0);
	segment = evbuffer_file_segment_new(fileno(file), half, PAYLOAD - half, 0);
	CHECK(segment != NULL);
	CHECK(bufferevent_write(bev, echo->sent, half) == 0);
	CHECK(evbuffer_add_file_segment(output, segment, 0, -1) == 0);
	evbuffer_file_segment_free(segment);
}

static void check_tcp(struct echo *echo)
{
	struct sockaddr_in address;
	struct evconnlistener *listener = listen_on_loopback(echo, &address);
	struct bufferevent *client = bufferevent_socket_new(echo->base, -1, BEV_OPT_CLOSE_ON_FREE);
	FILE *file = fopen("payload", "w+b");

	CHECK(client != NULL && file != NULL);
	bufferevent_setcb(client, compare, NULL, end, echo);
	CHECK(bufferevent_enable(client, EV_READ | EV_WRITE) == 0);
	CHECK(bufferevent_socket_connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	send_payload(client, echo, file);
	CHECK(event_base_dispatch(echo->base) == 0);
	bufferevent_free(client);
	bufferevent_free(echo->server);
	evconnlistener_free(listener);
	CHECK(fclose(file) == 0 && remove("payload") == 0);
}

static void check_pair(struct echo *echo)
{
	struct bufferevent *pair[2];

	CHECK(bufferevent_pair_new(echo->base, BEV_OPT_THREADSAFE, pair) == 0);
	bufferevent_setcb(pair[0], compare, NULL, end, echo);
	bufferevent_setcb(pair[1], send_back, NULL, end, NULL);
	CHECK(bufferevent_enable(pair[0], EV_READ | EV_WRITE) == 0);
	CHECK(bufferevent_enable(pair[1], EV_READ | EV_WRITE) == 0);
	CHECK(bufferevent_write(pair[0], echo->sent, PAYLOAD) == 0);
	CHECK(event_base_dispatch(echo->base) == 0);
	bufferevent_free(pair[0]);
	bufferevent_free(pair[1]);
}

static void check_buffer(void)
{
	struct evbuffer *buffer = evbuffer_new();
	struct evbuffer_ptr found;
	char *line;

	CHECK(buffer != NULL);
	CHECK(evbuffer_add_printf(buffer, "%s %d\r\n%llu", "first", 1, 18446744073709551615ull) == 29);
	found = evbuffer_search(buffer, "1844", 4, NULL);
	CHECK(found.pos == 9);
	line = evbuffer_readln(buffer, NULL, EVBUFFER_EOL_CRLF_STRICT);
	CHECK(line != NULL && strcmp(line, "first 1") == 0);
	CHECK(evbuffer_get_length(buffer) == 20);
	free(line);
	evbuffer_free(buffer);
}

static void check_addresses(void)
{
	struct sockaddr_storage storage;
	struct sockaddr_in6 *address = (struct sockaddr_in6 *)&storage;
	int length = sizeof(storage);
	char text[64];

	CHECK(evutil_parse_sockaddr_port("[2001:db8::7]:443", (struct sockaddr *)&storage, &length) == 0);
	CHECK(storage.ss_family == AF_INET6 && length == sizeof(*address) && ntohs(address->sin6_port) == 443);
	CHECK(evutil_inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof(text)) != NULL);
	CHECK(strcmp(text, "2001:db8::7") == 0);
}

static void check_uri(void)
{
	struct evhttp_uri *uri = evhttp_uri_parse("http://user@example.org:8080/a/b?c=d#e");

	CHECK(uri != NULL);
	CHECK(strcmp(evhttp_uri_get_host(uri), "example.org") == 0);
	CHECK(evhttp_uri_get_port(uri) == 8080);
	CHECK(strcmp(evhttp_uri_get_path(uri), "/a/b") == 0);
	CHECK(strcmp(evhttp_uri_get_query(uri), "c=d") == 0);
	CHECK(strcmp(evhttp_uri_get_fragment(uri), "e") == 0);
	evhttp_uri_free(uri);
}

static void check_random(void)
{
	unsigned char first[32], second[32];

	CHECK(evutil_secure_rng_init() == 0);
	evutil_secure_rng_get_bytes(first, sizeof(first));
	evutil_secure_rng_get_bytes(second, sizeof(second));
	CHECK(memcmp(first, second, sizeof(first)) != 0);
}

int main(int argc, char **argv)
{
	static struct echo echo;
#ifdef _WIN32
	WSADATA data;
	CHECK(WSAStartup(MAKEWORD(2, 2), &data) == 0);
#endif
	CHECK(argc == 2);
	check_build();
	check_buffer();
	check_addresses();
	check_uri();
	check_random();
	evutil_secure_rng_get_bytes(echo.sent, PAYLOAD);
	echo.base = new_base(argv[1]);
	check_timer(echo.base);
	check_tcp(&echo);
	check_pair(&echo);
	event_base_free(echo.base);
	printf("libevent %s, %s, %d-bit\n", event_get_version(), argv[1], (int)sizeof(void *) * 8);
	return 0;
}
