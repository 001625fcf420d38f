#pragma once
// What a stranger may make the server hold or wait for. Each limit is per server unless it says otherwise.

#include <chrono>
#include <cstddef>

#include "pgbosun/time.hpp"

namespace pgbosun::http {

struct Limits {
    std::size_t head_bytes = 16 * 1024;  // per request: request line and fields
    std::size_t body_bytes = 64 * 1024;  // per request
    std::size_t tcp_connections = 200;   // the metrics port included
    std::size_t unix_connections = 50;   // apart from TCP, so that strangers never lock the operator out
    // When none of those is idle and can be closed instead, so many more are heard: probes and role checks are
    // answered, all else is told 503. What comes beyond is closed unheard.
    std::size_t surplus_connections = 16;
    std::size_t event_streams = 32;

    Duration idle = std::chrono::seconds(60);       // between two requests of a connection
    Duration head = std::chrono::seconds(10);       // TLS handshake; and from a request's first byte to its last field
    Duration body = std::chrono::seconds(30);       // from the last field to the last byte
    Duration write = std::chrono::seconds(30);      // one answer, one piece of an event stream
    Duration linger = std::chrono::seconds(1);      // reading on after a refusal, so that the answer is not lost
    Duration heartbeat = std::chrono::seconds(15);  // a comment on a silent event stream
    Duration progress = std::chrono::seconds(1);    // between two events of it about work that gets on
};

}  // namespace pgbosun::http
