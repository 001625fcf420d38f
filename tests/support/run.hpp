#pragma once
// A loop for tests of what runs on the control thread.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>

#include "pgbosun/task.hpp"

namespace pgbosun::test {

// Runs the loop until `done` says so. What it waits for may happen outside of the loop.
template <class Done>
void run_until(boost::asio::io_context& loop, Done done) {
    while (!done()) {
        loop.restart();
        loop.run_one_for(std::chrono::milliseconds(10));
    }
}

template <class T>
T run(boost::asio::io_context& loop, Task<T> task) {
    std::optional<T> result;
    std::exception_ptr thrown;
    boost::asio::co_spawn(loop, std::move(task), [&](std::exception_ptr error, T value) {
        thrown = error;
        result.emplace(std::move(value));
    });
    run_until(loop, [&] { return result.has_value(); });
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*result);
}

}  // namespace pgbosun::test
