#include "postgres/session_keywords.hpp"

#include "support/catch.hpp"

using namespace pgbosun::postgres;

namespace {

// "passfile=- sslcert=/c ...": - for /nonexistent, and what is not said is left to libpq.
std::string files_of(Conninfo further, const Conninfo& environment = {}) {
    SessionTarget target;
    further.emplace("host", "pg-1");
    const auto keywords = session_keywords(target, std::move(further), environment);
    std::string text;
    for (const char* keyword : {"passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl"}) {
        const auto it = keywords.find(keyword);
        if (it == keywords.end()) continue;
        text +=
            (text.empty() ? "" : " ") + std::string(keyword) + "=" + (it->second == "/nonexistent" ? "-" : it->second);
    }
    return text;
}

}  // namespace

TEST_CASE("over the network libpq looks at no file that nobody has named, and at each that is") {
    const std::string none = "passfile=- sslcert=- sslkey=- sslrootcert=- sslcrl=-";
    CHECK(files_of({}) == none);
    CHECK(files_of({{"sslmode", "prefer"}}) == none);
    CHECK(files_of({{"sslmode", "allow"}}) == none);
    CHECK(files_of({{"sslmode", "disable"}}) == none);
    CHECK(files_of({{"passfile", "/p"}}) == "passfile=/p sslcert=- sslkey=- sslrootcert=- sslcrl=-");
    CHECK(files_of({{"sslcert", "/c"}, {"sslkey", "/k"}}) == "passfile=- sslcert=/c sslkey=/k sslrootcert=- sslcrl=-");
    CHECK(files_of({{"sslmode", "verify-full"}, {"sslrootcert", "/r"}}) ==
          "passfile=- sslcert=- sslkey=- sslrootcert=/r sslcrl=-");
    CHECK(files_of({{"sslmode", "verify-full"}, {"sslrootcert", "system"}}) ==
          "passfile=- sslcert=- sslkey=- sslrootcert=system sslcrl=-");
    CHECK(files_of({{"sslrootcert", "/r"}, {"sslcrl", "/l"}}) ==
          "passfile=- sslcert=- sslkey=- sslrootcert=/r sslcrl=/l");
    CHECK(files_of({{"sslrootcert", "/r"}, {"sslcrldir", "/l"}}) == "passfile=- sslcert=- sslkey=- sslrootcert=/r");
}

TEST_CASE("who has the server verified, or encryption demanded, by the home directory's certificate keeps that") {
    for (const char* mode : {"require", "verify-ca", "verify-full"}) {
        CAPTURE(mode);
        CHECK(files_of({{"sslmode", mode}}) == "passfile=- sslcert=- sslkey=-");
        CHECK(files_of({}, {{"sslmode", mode}}) == "passfile=- sslcert=- sslkey=-");
        CHECK(files_of({{"sslmode", "prefer"}}, {{"sslmode", mode}}).ends_with("sslrootcert=- sslcrl=-"));
    }
    CHECK(files_of({{"sslcert", "/c"}}) == "passfile=- sslcert=/c sslrootcert=- sslcrl=-");
}

TEST_CASE("what a variable names is named") {
    CHECK(files_of({}, {{"passfile", "/p"}, {"sslrootcert", "/r"}}) == "sslcert=- sslkey=- sslcrl=-");
    CHECK(files_of({{"sslmode", "verify-ca"}}, {{"sslrootcert", "/r"}}) == "passfile=- sslcert=- sslkey=- sslcrl=-");
}

TEST_CASE("over the server's own socket there is neither TLS nor a password file") {
    for (const Conninfo& further : {Conninfo{}, Conninfo{{"host", "/elsewhere"}}}) {
        SessionTarget target;
        target.host = "/run/postgresql";
        const auto keywords = session_keywords(target, further, {});
        CHECK(keywords.at("sslmode") == "disable");
        CHECK(keywords.at("passfile") == "/nonexistent");
        CHECK_FALSE(keywords.contains("sslrootcert"));
    }
}
