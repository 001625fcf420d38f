#pragma once
// Keeps what every primary must have: the roles of pgbosun, also in a cluster that it did not initialise, and the
// passwords that the secrets name now. The secret is the truth: a password changed by hand is set back.

#include <map>
#include <string>
#include <vector>

#include "postgres/bootstrap_sql.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

class RoleUpkeep {
public:
    explicit RoleUpkeep(Surroundings& outside) : outside_(outside) {}

    // On a primary that accepts queries. Failures are logged; the next call does what is left.
    Task<> run(const Settings& settings);

private:
    Task<> carry_out(PgSession& session, std::vector<postgres::BootstrapStep> steps);
    Task<> set_password(PgSession& session, std::string role, std::string secret_file);

    Surroundings& outside_;
    std::map<std::string, std::size_t> applied_;  // role -> hash of the password that it was given in this life
    bool running_ = false;
    bool again_ = false;
};

}  // namespace pgbosun::supervision
