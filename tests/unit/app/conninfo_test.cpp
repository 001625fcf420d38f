#include "app/conninfo.hpp"

#include "support/catch.hpp"

using namespace pgbosun::app;

TEST_CASE("a connection string without a password is taken") {
    const auto text = GENERATE(as<std::string>{}, "host=pg-1", "host = pg-1 port=5432", "passfile=/x user='a b'",
                               "host='it\\'s password=x'", "postgres://pg-1/app", "postgresql://anna@pg-1:5432/app",
                               "postgres://pg-1?application_name=x", "postgres://");
    CAPTURE(text);
    CHECK(check_conninfo(text));
    CHECK(masked_conninfo(text) == text);
}

TEST_CASE("a password is found wherever it hides, and masked") {
    const auto [text, masked] = GENERATE(table<std::string, std::string>({
        {"host=a password=secret", "host=a password=***"},
        {"password = 'my secret' host=a", "password = *** host=a"},
        {"password=sec\\ ret host=a", "password=*** host=a"},
        {"sslpassword=secret", "sslpassword=***"},
        {"postgres://anna:secret@pg-1/app", "postgres://anna:***@pg-1/app"},
        {"postgresql://anna:se?cret@pg-1/app", "postgresql://anna:***@pg-1/app"},
        {"postgres://pg-1/app?user=a&password=secret", "postgres://pg-1/app?user=a&password=***"},
        {"postgres://pg-1/app?pass%77ord=secret", "postgres://pg-1/app?pass%77ord=***"},
    }));
    CAPTURE(text);
    const auto checked = check_conninfo(text);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().hint.find("password_file") != std::string::npos);
    CHECK(checked.error().text().find("secret") == std::string::npos);
    CHECK(masked_conninfo(text) == masked);
}

TEST_CASE("what is no connection string is refused, and shown as nothing") {
    const auto text = GENERATE(as<std::string>{}, "pg-1", "host=a secret", "host='a", "=a", "host");
    CAPTURE(text);
    CHECK_FALSE(check_conninfo(text));
    CHECK(masked_conninfo(text) == "***");
    CHECK_FALSE(check_conninfo(""));
}
