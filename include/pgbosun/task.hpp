#pragma once
// The coroutine type of PID 1. Every Task runs on the one control thread.
//
// gcc 12 destroys owning temporaries inside a co_await expression twice: build the argument in a
// variable of its own, then std::move it into the call. tests/lint watches for the usual shapes.

#include <boost/asio/awaitable.hpp>

namespace pgbosun {

template <class T = void>
using Task = boost::asio::awaitable<T>;

}  // namespace pgbosun
