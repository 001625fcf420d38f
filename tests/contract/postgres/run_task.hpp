#pragma once
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "pgbosun/task.hpp"

namespace pgbosun::test {

// Runs one task to its end on this thread.
template <class T>
T run(boost::asio::io_context& io, Task<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
        if (error) std::rethrow_exception(error);
        result.emplace(std::move(value));
    });
    io.restart();
    while (!result) io.run_one();
    return *std::move(result);
}

inline void run(boost::asio::io_context& io, Task<> task) {
    bool done = false;
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
        done = true;
    });
    io.restart();
    while (!done) io.run_one();
}

}  // namespace pgbosun::test
