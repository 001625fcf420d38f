#include "instance/synchronous.hpp"

#include <algorithm>

namespace pgbosun::instance {

std::vector<std::string> counted_standbys(const SynchronousRule& rule, const std::string& primary) {
    std::vector<std::string> names = rule.names;
    std::erase(names, primary);
    return names;
}

bool taken_over(const SynchronousRule& rule, const std::string& primary, Lsn since,
                const std::map<std::string, Lsn>& flushed) {
    if (rule.number <= 0) return true;
    const auto names = counted_standbys(rule, primary);
    const auto holds_all = [&](const std::string& name) {
        const auto found = flushed.find(name);
        return found != flushed.end() && found->second >= since;
    };
    return std::ranges::count_if(names, holds_all) >= rule.number;
}

}  // namespace pgbosun::instance
