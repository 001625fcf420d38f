#pragma once
// Decision: what a line of PostgreSQL's log says of the WAL that a standby is to get.

#include <string_view>

namespace pgbosun::postgres {

enum class WalNews {
    none,
    gone,     // the WAL receiver was told so by whom it asked: what comes next there is removed, or of another history
    awaited,  // the startup process has replayed all that it has
};

// `line` is of jsonlog. Only these two processes' own messages count: a client's statement, or the error that a walsender here
// gives to a standby of its own, may hold the same words.
WalNews wal_news(std::string_view line);

}  // namespace pgbosun::postgres
