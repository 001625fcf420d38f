#pragma once
// Addresses in place of the names of a connection string: libpq would wait for the name server.

#include <boost/asio/io_context.hpp>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"
#include "postgres/conninfo.hpp"

namespace pgbosun::app {

// Each host of `hosts` once for each of its addresses, in their order; who has none is left out. unavailable: nobody has one.
// Takes a few seconds at most: whoever waits for it can neither be fenced nor ended meanwhile.
Task<Result<std::vector<postgres::Conninfo>>> with_addresses(boost::asio::io_context& loop,
                                                             std::vector<postgres::Conninfo> hosts);

}  // namespace pgbosun::app
