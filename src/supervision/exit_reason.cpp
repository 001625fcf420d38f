#include "supervision/exit_reason.hpp"

#include <array>

namespace pgbosun::supervision {
namespace {

constexpr std::string_view parted_hint =
    "its data has another history than whom it is to follow. pgbosun promote makes it a primary on a timeline of its "
    "own; "
    "or join anew: pgbosun fence, move the data directory away, set bootstrap.join, pgbosun reload, pgbosun unfence";

struct Sign {
    std::string_view text;
    std::string_view also;  // empty: nothing more
    std::string_view hint;
};

// Of guc-file.l and postmaster.c.
constexpr std::array signs{
    Sign{"configuration file", "contains errors",
         "correct postgresql.parameters: pgbosun config check names what PostgreSQL does not take"},
    Sign{"could not load", "pg_hba.conf", "correct postgresql.pg_hba: pgbosun config check looks at each line"},
    Sign{"could not create any TCP/IP sockets", "",
         "another program uses the port of postgresql.port, or postgresql.listen_addresses is not an address of this "
         "machine: PostgreSQL's line before says which"},
    Sign{"is not a child of this server's history", "", parted_hint},
    Sign{"requested timeline", "does not contain minimum recovery point", parted_hint},
};

}  // namespace

bool tells_of_parted_history(std::string_view message) { return hint_for_exit(message) == parted_hint; }

std::string_view hint_for_exit(std::string_view message) {
    for (const Sign& sign : signs) {
        if (message.find(sign.text) != std::string_view::npos && message.find(sign.also) != std::string_view::npos)
            return sign.hint;
    }
    return "PostgreSQL's log has the details";
}

}  // namespace pgbosun::supervision
