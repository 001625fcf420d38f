#pragma once
// A restore as a job runs it: what blocks, on a thread beside the loop; what is a program, from the loop's own thread.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <vector>

#include "backup/restore.hpp"

namespace pgbosun::app {

// The program has one thread, and nobody else runs the loop. `asked_to_end` is looked at while a program runs.
Result<backup::RestoredBackup> restore_beside(boost::asio::io_context& loop, backup::Catalog& catalog,
                                              std::vector<backup::Backup> chain, const backup::RestoreOrder& order,
                                              const std::string& bin_dir, const std::function<bool()>& asked_to_end);

}  // namespace pgbosun::app
