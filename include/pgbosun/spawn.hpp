#pragma once
// Starts a coroutine on a loop. It belongs to the loop, which ends it when it is destroyed; an exception
// out of it is a bug and ends the program.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>

#include "pgbosun/task.hpp"

namespace pgbosun {

inline void spawn(boost::asio::io_context& loop, Task<> task) {
    boost::asio::co_spawn(loop, std::move(task), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
}

}  // namespace pgbosun
