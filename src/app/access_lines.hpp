#pragma once
// Decision: whether a line may stand in the generated pg_hba.conf or pg_ident.conf. PostgreSQL starts with no pg_hba.conf
// that has one wrong line, and with one in pg_ident.conf nobody is mapped, pgbosun itself neither. Its server reads more
// into a line than is looked at here: what an address, a role or an option is worth, it says itself after a reload.
// Source: PostgreSQL's manual, "The pg_hba.conf File" and "User Name Maps", and src/backend/libpq/hba.c.

#include <optional>
#include <string>
#include <string_view>

namespace pgbosun::app {

// None: it may; comments and empty lines may, too. Else why not.
std::optional<std::string> problem_of_hba_line(std::string_view line);
std::optional<std::string> problem_of_ident_line(std::string_view line);

}  // namespace pgbosun::app
