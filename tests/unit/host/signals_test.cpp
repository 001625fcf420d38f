#include "host/signals.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include "pgbosun/descriptor.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;

TEST_CASE("each signal calls its callback, and one without a callback ends nothing") {
    boost::asio::io_context loop;
    host::Signals signals(loop);
    std::vector<int> seen;
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
        signals.on(signal, [&seen, signal] { seen.push_back(signal); });
    }

    for (const int signal : {SIGQUIT, SIGTERM, SIGINT, SIGHUP, SIGUSR1}) ::kill(::getpid(), signal);
    test::run_until(loop, [&] { return seen.size() == 4; });

    std::ranges::sort(seen);
    CHECK(seen == std::vector<int>{SIGHUP, SIGINT, SIGUSR1, SIGTERM});
}

TEST_CASE("a callback may take its own place") {
    boost::asio::io_context loop;
    host::Signals signals(loop);
    int second = 0;
    signals.on(SIGTERM, [&] {
        signals.on(SIGTERM, [&] { ++second; });
        ::kill(::getpid(), SIGTERM);
    });

    ::kill(::getpid(), SIGTERM);

    test::run_until(loop, [&] { return second == 1; });
}

TEST_CASE("writing to a pipe without a reader is an error and not the end") {
    // As a program begins; what an earlier test left would hide it.
    std::signal(SIGPIPE, SIG_DFL);
    boost::asio::io_context loop;
    const host::Signals signals(loop);
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    ::close(ends[0]);
    const Descriptor writing(ends[1]);

    const auto written = ::write(writing.get(), "x", 1);
    const int error = errno;

    CHECK(written == -1);
    CHECK(error == EPIPE);
}
