// Preloaded into the processes of one machine: the time of day that they see is off by what a file says, in nanoseconds
// (PGBOSUN_STEPPED_CLOCK names it, 8 bytes), and steps as the file changes. The clocks that do not know the time of day
// (CLOCK_MONOTONIC, CLOCK_BOOTTIME) are left alone, as by a step of a real clock. A time namespace shifts only those.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t nothing = 0;

// A mapping, which children have too. Called from anywhere, before main() too: nothing but system calls.
const volatile std::int64_t* file() {
    const char* path = std::getenv("PGBOSUN_STEPPED_CLOCK");
    const int descriptor = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return &nothing;
    void* mapped = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, descriptor, 0);
    ::close(descriptor);
    return mapped == MAP_FAILED ? &nothing : static_cast<const std::int64_t*>(mapped);
}

std::int64_t offset() {
    static const volatile std::int64_t* mapped = nullptr;
    if (mapped == nullptr) mapped = file();
    return *mapped;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) {
    const auto result = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
    if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return result;
    const std::int64_t now = time->tv_sec * second + time->tv_nsec + offset();
    time->tv_sec = now / second;
    time->tv_nsec = now % second;
    return 0;
}

int gettimeofday(timeval* time, void*) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t* result) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (result != nullptr) *result = now.tv_sec;
    return now.tv_sec;
}
}
