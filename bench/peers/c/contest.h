/* What the contestants written in C share: the words of the contract, the
 * seat, the clocks, the input and the figures. */
#ifndef CONTEST_H
#define CONTEST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { NOT_DONE = 3, BUFFER = 64, CHUNK = 64 * 1024, BACKLOG = 4096 };

/* A contestant: what it does of the contract. NULL: it does not do this one. */
struct contestant {
	void (*pipe)(int pipes, int active, long writes, int rounds);
	void (*echo)(int port);
	void (*accept)(int port);
	void (*http)(int port);
	void (*timers)(long count);
	void (*rearm)(long count, long moves);
	void (*precision)(long count, long micros);
};

int contest(const struct contestant *one, int argc, char **argv);

/* Ends the program if a call has failed. */
void check(int ok, const char *what);

uint64_t cpu_ns(void);
uint64_t wall_ns(void);
long resident_kb(void);

/* The contract's row of chances, from its beginning. */
struct chance { uint64_t state; };
void chance_begin(struct chance *);
uint64_t chance_below(struct chance *, uint64_t bound);

/* The ring of pipes. */
struct ring {
	int pipes, active, rounds;
	long writes;
	int *readers, *writers;
	long to_forward, to_read;
};
void ring_open(struct ring *, int pipes, int active, long writes, int rounds);
void ring_rounds(struct ring *, void (*setup)(void *), void (*run)(void *), void *arg);

/* Lateness of timers. */
struct lateness { uint64_t *all; long count; };
void lateness_begin(struct lateness *, long count);
void lateness_fires(struct lateness *, uint64_t due);
void lateness_print(struct lateness *);

/* A listening socket; says that it is ready. */
int listen_on(int port);
/* The next connection, not blocking and without delay; -1 if there is none. */
int next_client(int listener);

/* Reads from pipe `index` what is there and forwards it; whether the round is over. */
static inline int ring_pass(struct ring *, int index);

#include <unistd.h>

static inline int ring_pass(struct ring *ring, int index)
{
	char bytes[BUFFER];
	ssize_t got = read(ring->readers[index], bytes, sizeof bytes);
	if (got <= 0)
		check(0, "read");
	ring->to_read -= got;
	int next = index + 1 == ring->pipes ? 0 : index + 1;
	for (; got > 0 && ring->to_forward > 0; got--, ring->to_forward--)
		check(write(ring->writers[next], "e", 1) == 1, "write");
	return ring->to_read == 0;
}

#endif
