/* What a C compiler reads in our headers, for a test to compare with what the
 * library says at run time and with what Rust believes. */
#include <event2/event.h>
#include <event2/event_struct.h>

const char *
facts_version(void)
{
	return LIBEVENT_VERSION;
}

unsigned
facts_version_number(void)
{
	return LIBEVENT_VERSION_NUMBER;
}

size_t
facts_sizeof_event(void)
{
	return sizeof(struct event);
}
