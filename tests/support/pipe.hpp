#pragma once
// A pipe whose ends close with it.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>

#include "pgbosun/descriptor.hpp"
#include "support/catch.hpp"

namespace pgbosun::test {

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        reading = Descriptor(ends[0]);
        writing = Descriptor(ends[1]);
    }
    std::string read_what_is_there() const {
        std::string text;
        pollfd ready{reading.get(), POLLIN, 0};
        std::array<char, 65536> block{};
        while (::poll(&ready, 1, 0) > 0) {
            const ssize_t length = ::read(reading.get(), block.data(), block.size());
            if (length <= 0) break;
            text.append(block.data(), static_cast<std::size_t>(length));
        }
        return text;
    }
    // True when every process that held the writing end has died.
    [[nodiscard]] bool ended() const {
        pollfd end{reading.get(), POLLIN, 0};
        char letter = 0;
        return ::poll(&end, 1, 0) > 0 && ::read(reading.get(), &letter, 1) == 0;
    }
    Descriptor reading, writing;
};

}  // namespace pgbosun::test
