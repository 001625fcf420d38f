#pragma once
#include <string>

#include "pgbosun/journal.hpp"

namespace pgbosun::app {

// "2026-11-21T01:41:32.725Z  #12  phase     PostgreSQL has come up  (pid=41 role=primary)"
std::string journal_text(const JournalEntry& entry);

}  // namespace pgbosun::app
