#include "postgres/session_keywords.hpp"

#include <string>
#include <utility>

namespace pgbosun::postgres {
namespace {

constexpr const char* nowhere = "/nonexistent";

std::string server_options(const SessionTarget& target) {
    const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(target.statement_timeout).count();
    return "-c search_path=pg_catalog -c synchronous_commit=local -c standard_conforming_strings=on -c datestyle=ISO"
           " -c client_connection_check_interval=1000 -c statement_timeout=" +
           std::to_string(timeout);
}

// A missing certificate, list or root certificate is none to libpq, with one exception: who demands that the server is
// verified, or encryption and nothing of roots, goes by root.crt of the home directory and its list, and is left that way.
void leave_home_alone(Conninfo& keywords, const Conninfo& environment) {
    const auto given = [&](const char* keyword) { return keywords.contains(keyword) || environment.contains(keyword); };
    const auto leave = [&](const char* keyword) {
        if (!given(keyword)) keywords[keyword] = nowhere;
    };
    leave("passfile");
    // The key of a certificate that is named, and no key, is the one in the home directory.
    if (!given("sslcert")) leave("sslkey");
    leave("sslcert");
    std::string mode = "prefer";
    for (const Conninfo* of : {&environment, static_cast<const Conninfo*>(&keywords)}) {
        if (const auto it = of->find("sslmode"); it != of->end()) mode = it->second;
    }
    const bool goes_by_home = (mode == "require" || mode.starts_with("verify-")) && !given("sslrootcert");
    if (goes_by_home) return;
    leave("sslrootcert");
    if (!given("sslcrldir")) leave("sslcrl");
}

}  // namespace

Conninfo session_keywords(const SessionTarget& target, Conninfo further, const Conninfo& environment) {
    Conninfo keywords = std::move(further);
    keywords.emplace("host", target.host);
    keywords.emplace("port", std::to_string(target.port));
    keywords.emplace("user", target.user);
    keywords.emplace("dbname", target.database);
    keywords.emplace("application_name", target.application_name);
    keywords.emplace("client_encoding", "UTF8");
    keywords.emplace("options", server_options(target));
    if (target.route == Route::walsender) keywords["replication"] = "database";
    keywords.emplace("gssencmode", "disable");  // no Kerberos
    if (keywords.at("host").starts_with('/')) {
        keywords.emplace("sslmode", "disable");
        keywords.emplace("passfile", nowhere);
    } else {
        leave_home_alone(keywords, environment);
    }
    return keywords;
}

}  // namespace pgbosun::postgres
