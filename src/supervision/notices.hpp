#pragma once
// Decision: what of a new status is worth an entry of the journal, and so an event for who listens, beside what
// decide() has seen to: things that PostgreSQL, the volumes or time have done.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pgbosun/instance_status.hpp"

namespace pgbosun::supervision {

// What was noticed last.
struct Noticed {
    bool ready = false;
    bool silent = false;
    bool exhausted = false;
    bool pending_restart = false;
    bool restore_fails = false;
    Role role = Role::none;
    std::vector<std::pair<std::string, std::string>> volumes;  // that hang, fail or are full: name, and which
    bool operator==(const Noticed&) const = default;
};

struct Notice {
    std::string kind;  // as JournalEntry has it
    std::string what;
    std::vector<std::pair<std::string, std::string>> facts;
};

Noticed noticed(const InstanceStatus& status);
// In a fixed order; empty when nothing of it has changed.
std::vector<Notice> notices(const Noticed& before, const InstanceStatus& now);

}  // namespace pgbosun::supervision
