#pragma once
// Decision: what SQL runs after initdb, before anybody may connect. PostgreSQL runs with Reach::local_only meanwhile.
//
// Each step may be done again, so a kill in the middle is harmless; the user's own post-init SQL cannot promise that,
// so an interrupted bootstrap is cleared and begun anew (data_directory.hpp: Unfinished).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::postgres {

struct BootstrapStep {
    std::string what;      // for log and error: "creating role app". The SQL itself is not shown: it may be private.
    std::string database;  // where it runs
    std::string unless;    // a query: skip the step when it returns a row. Empty: always
    std::string sql;       // one statement, or a script
    bool is_script = false;
    std::string hint;  // when it fails, and the server has none; empty: none
};

// The passwords as SCRAM verifiers; none: the role has no password and cannot log in over the network.
struct BootstrapSecrets {
    std::optional<std::string> owner_verifier;
    std::optional<std::string> replication_verifier;
};

// In order. Steps of one database are next to each other where that is possible.
std::vector<BootstrapStep> bootstrap_steps(const Settings& settings, const BootstrapSecrets& secrets);

// Roles that every primary must have, one that was not initialised by pgbosun too.
std::vector<BootstrapStep> role_steps(const Settings& settings);

// The application's role and database.
std::vector<BootstrapStep> owner_steps(const Settings& settings);

// Change a role's password, in one session; run them when the file with it has changed. What the server would write down of the
// second, into its log or a view, is turned off by the first and on again by the last: a verifier is as good as the password to
// who guesses offline.
std::vector<BootstrapStep> password_steps(std::string_view role, std::string_view verifier);

// The verifier that PostgreSQL stores (SCRAM-SHA-256$...), computed here by libpq, so that neither the wire nor the
// server's log ever sees the password. Contains a random salt. refused: libpq cannot (a password with a NUL byte).
Result<std::string> scram_verifier(const std::string& role, const std::string& password);

// For UTF-8 and standard_conforming_strings, both of which every LibpqSession has.
std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view text);

}  // namespace pgbosun::postgres
