/*
 * What the target offers to libevent 2.1.13, decided by predefined macros alone.
 *
 * No probing: a cross build needs a compiler and nothing else, and C programs that include the installed copy get
 * exactly the answers that the library was compiled with. No system header is included here, because libevent's
 * sources include this file before evconfig-private.h asks for the extensions of the C library.
 *
 * Two answers are the builder's and not the target's. The build script writes its copy of this file to
 * $OUT_DIR/include/event2/event-config.h with a line for each put BEFORE this text, compiles libevent against that
 * copy and installs it:
 *
 *     #define EVENT__HAVE_OPENSSL 1             the feature `openssl` is on: bufferevent_openssl.c is built
 *     #define EVENT__DISABLE_THREAD_SUPPORT 1   the feature `threads` is off: no locks, evthread_pthread.c is not built
 *
 * The library is compiled with -D_FILE_OFFSET_BITS=64, since EVENT__SIZEOF_OFF_T below says 8 on every target.
 * Programs that use it need not be.
 */
#ifndef LIBEVENT_SYS_EVENT_CONFIG_H
#define LIBEVENT_SYS_EVENT_CONFIG_H

#define EVENT__VERSION "2.1.13-stable"
#define EVENT__NUMERIC_VERSION 0x02010d00

/* ---- Sizes ---- */

#if defined(_MSC_VER) && !defined(__SIZEOF_POINTER__)
# define EVENT__SIZEOF_SHORT 2
# define EVENT__SIZEOF_INT 4
# define EVENT__SIZEOF_LONG 4
# define EVENT__SIZEOF_LONG_LONG 8
# ifdef _WIN64
#  define EVENT__SIZEOF_SIZE_T 8
#  define EVENT__SIZEOF_VOID_P 8
# else
#  define EVENT__SIZEOF_SIZE_T 4
#  define EVENT__SIZEOF_VOID_P 4
# endif
#elif defined(__SIZEOF_POINTER__) && defined(__SIZEOF_SIZE_T__)
# define EVENT__SIZEOF_SHORT __SIZEOF_SHORT__
# define EVENT__SIZEOF_INT __SIZEOF_INT__
# define EVENT__SIZEOF_LONG __SIZEOF_LONG__
# define EVENT__SIZEOF_LONG_LONG __SIZEOF_LONG_LONG__
# define EVENT__SIZEOF_SIZE_T __SIZEOF_SIZE_T__
# define EVENT__SIZEOF_VOID_P __SIZEOF_POINTER__
#else
# error "libevent-sys: this compiler predefines no __SIZEOF_*__ macros; use gcc, clang or msvc"
#endif

/* ev_off_t is chosen by this number and not by off_t: 64 bits everywhere keeps one layout for 32-bit programs too. */
#define EVENT__SIZEOF_OFF_T 8

/* ---- C99 ---- */

#define EVENT__HAVE_ERRNO_H 1
#define EVENT__HAVE_FCNTL_H 1
#define EVENT__HAVE_INTTYPES_H 1
#define EVENT__HAVE_STDARG_H 1
#define EVENT__HAVE_STDDEF_H 1
#define EVENT__HAVE_STDINT_H 1
#define EVENT__HAVE_STDLIB_H 1
#define EVENT__HAVE_STRTOLL 1
#define EVENT__HAVE_SYS_STAT_H 1
#define EVENT__HAVE_SYS_TYPES_H 1
#define EVENT__HAVE_UINT8_T 1
#define EVENT__HAVE_UINT16_T 1
#define EVENT__HAVE_UINT32_T 1
#define EVENT__HAVE_UINT64_T 1
#define EVENT__HAVE_UINTPTR_T 1
#define EVENT__HAVE___func__ 1
#define EVENT__HAVE___FUNCTION__ 1

/* ---- Sockets, the same on Unix and Windows ---- */

#define EVENT__HAVE_GETADDRINFO 1
#define EVENT__HAVE_GETNAMEINFO 1
#define EVENT__HAVE_GETPROTOBYNUMBER 1
#define EVENT__HAVE_GETSERVBYNAME 1
#define EVENT__HAVE_STRUCT_ADDRINFO 1
#define EVENT__HAVE_STRUCT_IN6_ADDR 1
#define EVENT__HAVE_STRUCT_SOCKADDR_IN6 1
#define EVENT__HAVE_STRUCT_SOCKADDR_STORAGE 1
#define EVENT__HAVE_STRUCT_SOCKADDR_STORAGE_SS_FAMILY 1
#define EVENT__HAVE_TIMERCLEAR 1
#define EVENT__HAVE_TIMERISSET 1

#ifdef _WIN32

/* ---- Windows ----
 *
 * MinGW and MSVC get one answer, what both offer, but for two declarations. MinGW's gettimeofday stays unused on
 * purpose: with it evutil_gettimeofday would be a macro under one compiler and a function under the other.
 */

# ifdef _MSC_VER
#  define EVENT__ssize_t SSIZE_T
# else
#  define EVENT__HAVE_STRTOK_R 1
# endif

#else

/* ---- Every Unix ---- */

# define EVENT__HAVE_ARPA_INET_H 1
# define EVENT__HAVE_CLOCK_GETTIME 1
# define EVENT__HAVE_GETEGID 1
# define EVENT__HAVE_GETEUID 1
# define EVENT__HAVE_GETTIMEOFDAY 1
# define EVENT__HAVE_IFADDRS_H 1
# define EVENT__HAVE_INET_NTOP 1
# define EVENT__HAVE_INET_PTON 1
# define EVENT__HAVE_MMAP 1
# define EVENT__HAVE_NANOSLEEP 1
# define EVENT__HAVE_NETDB_H 1
# define EVENT__HAVE_NETINET_IN_H 1
# define EVENT__HAVE_NETINET_TCP_H 1
# define EVENT__HAVE_PIPE 1
# define EVENT__HAVE_POLL 1
# define EVENT__HAVE_SA_FAMILY_T 1
# define EVENT__HAVE_SELECT 1
# define EVENT__HAVE_SETFD 1
# define EVENT__HAVE_SIGACTION 1
# define EVENT__HAVE_STRSEP 1
# define EVENT__HAVE_STRTOK_R 1
# define EVENT__HAVE_STRUCT_SOCKADDR_UN 1
# define EVENT__HAVE_SYS_IOCTL_H 1
# define EVENT__HAVE_SYS_MMAN_H 1
# define EVENT__HAVE_SYS_PARAM_H 1
# define EVENT__HAVE_SYS_RESOURCE_H 1
# define EVENT__HAVE_SYS_SELECT_H 1
# define EVENT__HAVE_SYS_SOCKET_H 1
# define EVENT__HAVE_SYS_TIME_H 1
# define EVENT__HAVE_SYS_UIO_H 1
# define EVENT__HAVE_SYS_UN_H 1
# define EVENT__HAVE_SYS_WAIT_H 1
# define EVENT__HAVE_TIMERADD 1
# define EVENT__HAVE_UNISTD_H 1
# define EVENT__HAVE_USLEEP 1
# define EVENT__HAVE_VASPRINTF 1

/* Read by upstream's test programs only, which leave parts of themselves out without these. */
# define EVENT__HAVE_PUTENV 1
# define EVENT__HAVE_SETENV 1
# define EVENT__HAVE_SETRLIMIT 1
# define EVENT__HAVE_STRUCT_LINGER 1
# define EVENT__HAVE_UMASK 1
# define EVENT__HAVE_UNSETENV 1
# ifdef __LP64__
#  define EVENT__SIZEOF_TIME_T 8
# endif

# if !defined(__ANDROID__) || __ANDROID_API__ >= 24
#  define EVENT__HAVE_GETIFADDRS 1
# endif

/* Old versions of bionic lack the type, and libevent's own definition of it agrees with that of the new ones. */
# ifndef __ANDROID__
#  define EVENT__HAVE_FD_MASK 1
# endif

# ifndef EVENT__DISABLE_THREAD_SUPPORT
#  define EVENT__HAVE_PTHREADS 1
# endif

/* pthread_t is a word or a pointer, but on Solaris an unsigned int. */
# ifdef __sun
#  define EVENT__SIZEOF_PTHREAD_T 4
# else
#  define EVENT__SIZEOF_PTHREAD_T EVENT__SIZEOF_VOID_P
# endif

#endif /* _WIN32 */

/* ---- Linux, with glibc, musl or bionic ---- */

#ifdef __linux__

# define EVENT__HAVE_ACCEPT4 1
# define EVENT__HAVE_EPOLL 1
# define EVENT__HAVE_EPOLL_CREATE1 1
# define EVENT__HAVE_EVENTFD 1
# define EVENT__HAVE_PIPE2 1
# define EVENT__HAVE_SENDFILE 1
# define EVENT__HAVE_SYS_EVENTFD_H 1
# define EVENT__HAVE_SYS_SENDFILE_H 1
# define EVENT__HAVE_SYS_TIMERFD_H 1
# define EVENT__HAVE_TIMERFD_CREATE 1

# ifdef __ANDROID__

#  define EVENT__HAVE_ARC4RANDOM 1
#  define EVENT__HAVE_ARC4RANDOM_BUF 1
#  define EVENT__HAVE_STRLCPY 1

# else

/* glibc gained getrandom() together with its header (2.25), and so did musl (1.1.20). Zig brings one set of headers for
 * every glibc, but predefines the version that it is asked for.
 *
 * arc4random (glibc 2.36, never musl) and strlcpy (glibc 2.38, musl) are left to libevent's own copies: the answer
 * then does not depend on the age of the C library, a program linked on a new system still starts on an older one,
 * and evutil_secure_rng_add_bytes() exists on all of them. evconfig-private.h keeps the two arc4random apart. */
#  ifdef __has_include
#   if __has_include(<sys/random.h>) && !(defined(__GLIBC_MINOR__) && __GLIBC_MINOR__ < 25)
#    define EVENT__HAVE_GETRANDOM 1
#    define EVENT__HAVE_SYS_RANDOM_H 1
#   endif
#  endif

# endif

#endif /* __linux__ */

/* ---- BSD and macOS, iOS ----
 *
 * The system's arc4random is older than any system that Rust supports, needs no device file and survives a fork.
 */

#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)

# define EVENT__HAVE_ARC4RANDOM 1
# define EVENT__HAVE_ARC4RANDOM_BUF 1
# define EVENT__HAVE_ISSETUGID 1
# define EVENT__HAVE_KQUEUE 1
# define EVENT__HAVE_STRLCPY 1
# define EVENT__HAVE_STRUCT_SOCKADDR_IN6_SIN6_LEN 1
# define EVENT__HAVE_STRUCT_SOCKADDR_IN_SIN_LEN 1
# define EVENT__HAVE_WORKING_KQUEUE 1

# ifdef __APPLE__
#  define EVENT__HAVE_MACH_ABSOLUTE_TIME 1
#  define EVENT__HAVE_MACH_MACH_H 1
#  define EVENT__HAVE_MACH_MACH_TIME_H 1
# else
#  define EVENT__HAVE_ACCEPT4 1
#  define EVENT__HAVE_PIPE2 1
# endif

# if defined(__APPLE__) || defined(__FreeBSD__)
#  define EVENT__HAVE_SENDFILE 1
# endif

#endif

/* ---- Solaris and illumos ---- */

#ifdef __sun

# define EVENT__HAVE_ACCEPT4 1
# define EVENT__HAVE_ARC4RANDOM 1
# define EVENT__HAVE_ARC4RANDOM_BUF 1
# define EVENT__HAVE_DEVPOLL 1
# define EVENT__HAVE_EVENT_PORTS 1
# define EVENT__HAVE_ISSETUGID 1
# define EVENT__HAVE_PIPE2 1
# define EVENT__HAVE_STRLCPY 1

#endif

#endif /* LIBEVENT_SYS_EVENT_CONFIG_H */
