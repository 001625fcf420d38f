#pragma once
// One hook and its request, on the control thread.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>

#include "archive/archiver.hpp"
#include "archive/restorer.hpp"

namespace pgbosun::archive {

// A hook sends its request at once.
inline constexpr std::chrono::seconds request_deadline{5};
// How often it is looked whether PostgreSQL is being stopped, for whoever waits to archive.
inline constexpr std::chrono::milliseconds patience_look{250};
// The answer fits into the socket's buffer.
inline constexpr std::chrono::seconds answer_deadline{5};

// Reads the request, waits for its answer and sends it. When the hook goes away meanwhile its request is withdrawn;
// when there is no answer for a restore request (we are stopping) the connection just ends.
boost::asio::awaitable<void> serve(boost::asio::local::stream_protocol::socket socket, Archiver& archiver,
                                   Restorer& restorer);

}  // namespace pgbosun::archive
