#pragma once
// PostgreSQL itself judges postgresql.parameters: it knows its names, units and ranges.

#include <string>
#include <vector>

#include "app/settings_reader.hpp"
#include "pgbosun/process_host.hpp"
#include "pgbosun/task.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::app {

struct RefusedParameter {
    std::string key;  // of the configuration
    std::string what;
};
inline constexpr const char* parameters_hint = "the server's documentation has its parameters' names, units and ranges";

// What the postgres of postgresql.bin_dir refuses. Starts that program a few times, each for 10 seconds at most; it touches
// no data. Nothing is said when it cannot be started: that is another finding.
Task<std::vector<RefusedParameter>> try_parameters(boost::asio::io_context& loop, ProcessHost& processes,
                                                   Settings settings);

// The same for `pgbosun config check`, which has no loop: an error for each.
void judge_parameters(ReadSettings& read);

}  // namespace pgbosun::app
