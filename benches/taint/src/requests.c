/* Requests to valgrind. Its header is the only thing that knows how they are made. */
#include <stddef.h>
#include <valgrind/memcheck.h>

int taint_running(void) { return RUNNING_ON_VALGRIND != 0; }

unsigned taint_findings(void) { return VALGRIND_COUNT_ERRORS; }

void taint_mark(const void *bytes, size_t length) {
    (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, length);
}

void taint_clear(const void *bytes, size_t length) {
    (void)VALGRIND_MAKE_MEM_DEFINED(bytes, length);
}
