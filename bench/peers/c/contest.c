#include "contest.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

uint64_t wall_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

long resident_kb(void)
{
	long all, resident;
	FILE *file = fopen("/proc/self/statm", "r");
	check(file != NULL, "/proc/self/statm");
	check(fscanf(file, "%ld %ld", &all, &resident) == 2, "/proc/self/statm");
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

void chance_begin(struct chance *chance) { chance->state = 88172645463325252; }

uint64_t chance_below(struct chance *chance, uint64_t bound)
{
	uint64_t x = chance->state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	chance->state = x;
	return x % bound;
}

void ring_open(struct ring *ring, int pipes, int active, long writes, int rounds)
{
	*ring = (struct ring){ .pipes = pipes, .active = active, .rounds = rounds, .writes = writes };
	ring->readers = calloc(pipes, sizeof *ring->readers);
	ring->writers = calloc(pipes, sizeof *ring->writers);
	for (int i = 0; i < pipes; i++) {
		int pair[2];
		check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0, "socketpair");
		ring->readers[i] = pair[0];
		ring->writers[i] = pair[1];
	}
}

static void light(struct ring *ring)
{
	int space = ring->pipes / ring->active;
	ring->to_forward = ring->writes;
	ring->to_read = ring->active + ring->writes;
	for (int i = 0; i < ring->active; i++)
		check(write(ring->writers[i * (space ? space : 1) % ring->pipes], "e", 1) == 1, "write");
}

void ring_rounds(struct ring *ring, void (*setup)(void *), void (*run)(void *), void *arg)
{
	for (int i = 0; i < ring->rounds; i++) {
		uint64_t begin = cpu_ns();
		setup(arg);
		uint64_t set = cpu_ns();
		light(ring);
		uint64_t lit = cpu_ns();
		run(arg);
		uint64_t end = cpu_ns();
		check(ring->to_read == 0 && ring->to_forward == 0, "bytes are left over");
		printf("loop_us=%.1f setup_us=%.1f\n", (end - lit) / 1e3, (set - begin) / 1e3);
	}
}

void lateness_begin(struct lateness *late, long count)
{
	late->all = calloc(count + 1, sizeof *late->all);
	late->count = 0;
}

void lateness_fires(struct lateness *late, uint64_t due)
{
	uint64_t now = wall_ns();
	late->all[late->count++] = now < due ? UINT64_MAX : now - due;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static double quantile(const struct lateness *late, double share)
{
	return late->count ? late->all[(long)((late->count - 1) * share + 0.5)] / 1e3 : 0;
}

void lateness_print(struct lateness *late)
{
	qsort(late->all, late->count, sizeof *late->all, by_size);
	printf("late_p50_us=%.1f late_p99_us=%.1f late_max_us=%.1f\n",
	    quantile(late, 0.5), quantile(late, 0.99), quantile(late, 1));
}

int listen_on(int port)
{
	int one = 1;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	check(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	check(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
	check(listen(fd, BACKLOG) == 0, "listen");
	return fd;
}

int next_client(int listener)
{
	int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void take_seat(void)
{
	cpu_set_t allowed, one;
	int cpu = 0;
	check(sched_getaffinity(0, sizeof allowed, &allowed) == 0, "sched_getaffinity");
	while (!CPU_ISSET(cpu, &allowed))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	check(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
}

static void raise_limit(void)
{
	struct rlimit allowed, limit;
	check(getrlimit(RLIMIT_NOFILE, &allowed) == 0, "getrlimit");
	limit.rlim_cur = 20000;
	limit.rlim_max = allowed.rlim_max < limit.rlim_cur ? limit.rlim_cur : allowed.rlim_max;
	allowed.rlim_cur = allowed.rlim_max;
	check(setrlimit(RLIMIT_NOFILE, &limit) == 0 || setrlimit(RLIMIT_NOFILE, &allowed) == 0,
	    "setrlimit");
}

int contest(const struct contestant *one, int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	long numbers[4] = { 0 };
	int count = argc - 2;
	for (int i = 0; i < count && i < 4; i++)
		numbers[i] = atol(argv[i + 2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	take_seat();
	raise_limit();
#define WORD(name, n, ...) \
	if (strcmp(word, #name) == 0 && count == n) \
		return one->name ? (one->name(__VA_ARGS__), 0) : NOT_DONE
	WORD(pipe, 4, numbers[0], numbers[1], numbers[2], numbers[3]);
	WORD(echo, 1, numbers[0]);
	WORD(accept, 1, numbers[0]);
	WORD(http, 1, numbers[0]);
	WORD(timers, 1, numbers[0]);
	WORD(rearm, 2, numbers[0], numbers[1]);
	WORD(precision, 2, numbers[0], numbers[1]);
	if (strcmp(word, "tasks") == 0 || strcmp(word, "xwake") == 0)
		return NOT_DONE;
	fprintf(stderr, "%s: these words are not in the contract\n", word);
	return 1;
}
