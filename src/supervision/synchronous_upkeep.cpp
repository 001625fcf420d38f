#include "supervision/synchronous_upkeep.hpp"

#include <algorithm>
#include <map>

#include "instance/synchronous.hpp"
#include "postgres/configuration.hpp"

namespace pgbosun::supervision {

std::string synchronous_value(const SynchronousRule& rule, const std::string& primary) {
    const auto names = instance::counted_standbys(rule, primary);
    if (rule.number <= 0 || names.empty()) return {};
    SynchronousSettings settings;
    settings.method = rule.method;
    settings.number = rule.number;
    settings.standby_names = names;
    return postgres::synchronous_standby_names(settings, {});
}

// The processes of a server take a setting over one after another: what is acknowledged counts under the new rule from the
// look after the one that has shown it.
void SynchronousUpkeep::look(const SynchronousRule& rule, const std::string& primary,
                             const postgres::ServerFacts& facts) {
    if (taken_over_ == rule.version) return;
    if (facts.synchronous_standby_names != synchronous_value(rule, primary) || !facts.lsn.current) {
        seen_.reset();
        since_.reset();
        return;
    }
    if (seen_ != rule.version) {
        seen_ = rule.version;
        since_.reset();
        if (rule.number > 0) return;
    }
    if (!since_) since_ = *facts.lsn.current;
    std::map<std::string, Lsn> flushed;
    for (const auto& standby : facts.standbys) {
        if (!standby.flushed) continue;
        Lsn& furthest = flushed[standby.name];
        furthest = std::max(furthest, *standby.flushed);
    }
    if (instance::taken_over(rule, primary, *since_, flushed)) taken_over_ = rule.version;
}

}  // namespace pgbosun::supervision
