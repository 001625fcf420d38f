#pragma once
// Connection strings as libpq reads them. A password never stands in one: it is in a file that `passfile` names.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"

namespace pgbosun::postgres {

// Keyword -> value, only those that were given.
using Conninfo = std::map<std::string, std::string>;

// Keyword/value pairs or a postgresql:// URI, by libpq's own parser. refused: libpq does not understand it, or it
// holds a password or passphrase (the text of the fault does not repeat it).
Result<Conninfo> parse_conninfo(std::string_view text);

// What a standby needs to follow, where it was not given: user, application_name, passfile (when not empty) and the
// timeouts that notice a dead primary within about ten seconds.
struct UpstreamDefaults {
    std::string user = "streaming_replica";
    std::string application_name;
    std::string passfile;  // path; empty: none
};
Conninfo with_upstream_defaults(Conninfo conninfo, const UpstreamDefaults& defaults);

// Each of its hosts alone, in its order; what is said of all of them (target_session_attrs, say) is in each. One whose hosts,
// addresses or ports do not go together is refused, as libpq does.
Result<std::vector<Conninfo>> each_host(const Conninfo& conninfo);

// key='value' with libpq's quoting, in key order.
std::string render_conninfo(const Conninfo& conninfo);

// One line of a password file that matches every host, port and database of this user, with its newline. refused: a
// newline in the password (libpq reads lines) or an empty one.
Result<std::string> passfile_line(std::string_view user, std::string_view password);

}  // namespace pgbosun::postgres
