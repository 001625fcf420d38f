#pragma once
// Where include/pgbosun/log.hpp writes. A program begins in the direct way: each line is written at once, blocking, from
// any thread (client commands, the archiver). PID 1 calls start(): from then on only the control thread logs, and
// nothing waits for the reader.

#include <functional>
#include <string>

#include "host/log_queue.hpp"
#include "pgbosun/log.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::host::log_output {

// Direct, to `descriptor` (borrowed). Before any thread is made. Default: stdout, JSON, info.
void use(int descriptor, LogFormat format, log::Level level);

// Through a LogQueue to the descriptor of use(). `on_pressure`: see LogPressure.
void start(boost::asio::io_context& loop, LogFormat format, log::Level level,
           LogQueue::OnPressure on_pressure = nullptr);
// Before the loop is destroyed: what still waits is given up (flush() first); later lines are direct again.
void stop();

void set_level(log::Level level);

// A line that is rendered already (PostgreSQL's log): no level, no change.
void pass_through(std::string line);

LogStatus status();
void flush(Duration longest);

}  // namespace pgbosun::host::log_output
