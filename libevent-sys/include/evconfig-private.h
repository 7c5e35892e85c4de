/*
 * Included by libevent's own sources only, after event2/event-config.h and before any system header.
 */
#ifndef LIBEVENT_SYS_EVCONFIG_PRIVATE_H
#define LIBEVENT_SYS_EVCONFIG_PRIVATE_H

/* Without its assertions libevent goes on where it should have aborted. Here and not as -U: a user's CFLAGS come last. */
#undef NDEBUG

/* accept4, pipe2, vasprintf and their like on Linux; harmless elsewhere. */
#ifndef _GNU_SOURCE
# define _GNU_SOURCE 1
#endif

/* Solaris hides BSD functions, and the POSIX forms of the thread functions, unless asked. */
#ifdef __sun
# ifndef __EXTENSIONS__
#  define __EXTENSIONS__ 1
# endif
# ifndef _POSIX_PTHREAD_SEMANTICS
#  define _POSIX_PTHREAD_SEMANTICS 1
# endif
#endif

/* libevent's own generator defines a static arc4random_buf, which is an error once glibc (2.36) has declared it: let
 * the C library speak first and give the static one another name. */
#if defined(__linux__) && !defined(EVENT__HAVE_ARC4RANDOM)
# include <stdlib.h>
# define arc4random_buf event_arc4random_buf_
#endif

#endif /* LIBEVENT_SYS_EVCONFIG_PRIVATE_H */
