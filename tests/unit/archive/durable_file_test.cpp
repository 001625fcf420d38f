#include "archive/durable_file.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "support/catch.hpp"
#include "unit/archive/synced.hpp"
#include "unit/archive/wal_files.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;
using namespace pgbosun::test;

namespace {

std::atomic<int> handled = 0;

void count_signal(int) { ++handled; }

// Reads all, after it has interrupted whoever writes many times.
std::size_t read_from(const std::string& path, pthread_t writer) {
    const int pipe = ::open(path.c_str(), O_RDONLY);
    std::string part(65'536, '\0');
    auto count = ::read(pipe, part.data(), 1);
    for (int i = 0; i < 100; ++i) {
        const int before = handled;
        ::pthread_kill(writer, SIGUSR1);
        while (handled == before) std::this_thread::yield();
    }
    std::size_t bytes = 0;
    for (; count > 0; count = ::read(pipe, part.data(), part.size())) bytes += static_cast<std::size_t>(count);
    ::close(pipe);
    return bytes;
}

}  // namespace

TEST_CASE("a file is written beside, and durable with its name") {
    const TemporaryDirectory place;
    const std::string path = place / "file";
    std::ignore = new_synced();

    REQUIRE(write_durably(path, "text"));

    CHECK(read_file(path) == "text");
    CHECK(new_synced() == std::vector{path + ".new", place.path()});
}

TEST_CASE("a signal in the middle of a write is no failure") {
    const TemporaryDirectory place;
    const std::string path = place / "file";
    const std::string text(1 << 20, 'x');
    // A pipe holds less than that, and a write into it is interrupted.
    REQUIRE(::mkfifo((path + ".new").c_str(), 0600) == 0);
    struct sigaction action{}, before{};
    action.sa_handler = count_signal;
    REQUIRE(::sigaction(SIGUSR1, &action, &before) == 0);
    std::size_t bytes = 0;
    std::thread reader([&, writer = ::pthread_self()] { bytes = read_from(path + ".new", writer); });

    const auto written = write_durably(path, text);

    reader.join();
    ::sigaction(SIGUSR1, &before, nullptr);
    CHECK(bytes == text.size());
    // All that a pipe cannot.
    REQUIRE_FALSE(written);
    CHECK(written.error().what.starts_with("cannot sync "));
}
