/* A C program outside cargo, built by `scripts/check-consumer`: it fails unless
 * the library it was linked to is the one of its headers, and works. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#ifdef WITH_EXTRA
#include <event2/http.h>
#endif
#ifdef WITH_PTHREADS
#include <event2/thread.h>
#endif

static void
on_data(struct bufferevent *bev, void *heard)
{
	bufferevent_read(bev, heard, 5);
}

/* Sends five bytes through a pair of bufferevents. */
static int
loop_works(void)
{
	struct event_base *base = event_base_new();
	struct bufferevent *pair[2];
	char heard[6] = "";

	if (!base || bufferevent_pair_new(base, 0, pair) != 0)
		return 0;
	bufferevent_setcb(pair[1], on_data, NULL, NULL, heard);
	bufferevent_enable(pair[1], EV_READ);
	bufferevent_write(pair[0], "hello", 5);
	event_base_loop(base, EVLOOP_NONBLOCK);
	bufferevent_free(pair[0]);
	bufferevent_free(pair[1]);
	event_base_free(base);
	return strcmp(heard, "hello") == 0;
}

static int
extra_works(void)
{
#ifdef WITH_EXTRA
	struct evhttp_uri *uri = evhttp_uri_parse("http://example.com:8080/");
	int port = uri ? evhttp_uri_get_port(uri) : 0;
	if (uri)
		evhttp_uri_free(uri);
	return port == 8080;
#else
	return 1;
#endif
}

static int
threads_work(void)
{
#ifdef WITH_PTHREADS
	return evthread_use_pthreads() == 0;
#else
	return 1;
#endif
}

int
main(void)
{
	int same = strcmp(event_get_version(), LIBEVENT_VERSION) == 0;
	int threads = threads_work(), loop = loop_works(), extra = extra_works();

	if (same && threads && loop && extra)
		return 0;
	printf("header %s, library %s; threads %d, loop %d, extra %d\n",
	    LIBEVENT_VERSION, event_get_version(), threads, loop, extra);
	return 1;
}
