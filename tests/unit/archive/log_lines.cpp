#include "log_lines.hpp"

#include <mutex>
#include <utility>

#include "pgbosun/log.hpp"

namespace {

std::mutex mutex;
std::vector<std::string> warnings;

}  // namespace

// What the program's log would show is of no interest here, but for its warnings.
void pgbosun::log::write(Level level, std::string_view message, std::initializer_list<Field>) {
    const std::lock_guard lock(mutex);
    if (level == Level::warning) warnings.emplace_back(message);
}

std::vector<std::string> pgbosun::test::new_warnings() {
    const std::lock_guard lock(mutex);
    return std::exchange(warnings, {});
}
