#include "object_store/credentials.hpp"

#include <filesystem>
#include <fstream>
#include <map>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;

namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

Result<Credentials> read_credentials(const S3Credentials& sources,
                                     const std::map<std::string, std::string>& environment = {}) {
    const auto look_up = [environment](const std::string& name) -> std::optional<std::string> {
        const auto found = environment.find(name);
        return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
    CredentialChain chain(sources, "us-east-1", std::nullopt, look_up);
    return chain.get({}, Freshness::as_known);
}

struct Place {
    test::TemporaryDirectory directory;
    S3Credentials sources;

    Place() {
        write(directory.path() + "/id", "the-id\n");
        write(directory.path() + "/secret", "the/secret+ \r\n");
        sources.access_key_id.file = directory.path() + "/id";
        sources.secret_access_key.file = directory.path() + "/secret";
    }
};

}  // namespace

TEST_CASE("credentials come from files, and are read anew each time") {
    const Place place;

    const auto first = read_credentials(place.sources);
    write(*place.sources.secret_access_key.file, "renewed");
    const auto second = read_credentials(place.sources);

    REQUIRE(first);
    CHECK(first->access_key_id == "the-id");
    CHECK(first->secret_access_key == "the/secret+");
    CHECK(first->session_token.empty());
    REQUIRE(second);
    CHECK(second->secret_access_key == "renewed");
}

TEST_CASE("credentials come from the environment that is named, or from AWS's when nothing is") {
    const std::map<std::string, std::string> environment{{"PGBOSUN_TEST_A", "a"},
                                                         {"PGBOSUN_TEST_B", "b"},
                                                         {"AWS_ACCESS_KEY_ID", "aws-id"},
                                                         {"AWS_SECRET_ACCESS_KEY", "aws-secret"},
                                                         {"AWS_SESSION_TOKEN", "aws-token"}};
    S3Credentials named;
    named.access_key_id.environment = "PGBOSUN_TEST_A";
    named.secret_access_key.environment = "PGBOSUN_TEST_B";

    const auto ours = read_credentials(named, environment);
    const auto aws = read_credentials({}, environment);
    const auto none = read_credentials({}, {{"AWS_EC2_METADATA_DISABLED", "true"}});

    REQUIRE(ours);
    CHECK(ours->access_key_id == "a");
    CHECK(ours->session_token.empty());
    REQUIRE(aws);
    CHECK(aws->session_token == "aws-token");
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == FaultKind::refused);
    CHECK_FALSE(none.error().hint.empty());
}

TEST_CASE("a secret that is missing, empty or more than a line is told without its text") {
    const Place place;
    const auto text = GENERATE(std::string(""), "\n", "hush\nhush", "hush hush", std::string(20'000, 'h'));
    write(*place.sources.secret_access_key.file, text);

    const auto credentials = read_credentials(place.sources);

    REQUIRE_FALSE(credentials);
    CHECK(credentials.error().kind == FaultKind::refused);
    CHECK(credentials.error().text().find("hush") == std::string::npos);
    std::filesystem::remove(*place.sources.secret_access_key.file);
    const auto gone = read_credentials(place.sources);
    REQUIRE_FALSE(gone);
    CHECK(gone.error().kind == FaultKind::unavailable);
}
