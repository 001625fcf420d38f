#include "http/access.hpp"

#include "support/catch.hpp"

using namespace pgbosun::http;

namespace {

const TcpPeer stranger{"10.0.0.7", std::nullopt};
const TcpPeer with_certificate{"10.0.0.7", "/CN=controller"};

int status_of(const Peer& peer, std::string_view authorization, const Credentials& credentials) {
    const auto access = may_control(peer, authorization, credentials);
    const auto* problem = std::get_if<Problem>(&access);
    return problem ? problem->status : 200;
}

std::string asked_by(const Peer& peer, std::string_view authorization, const Credentials& credentials) {
    return std::get<Admitted>(may_control(peer, authorization, credentials)).asked_by;
}

}  // namespace

TEST_CASE("who may control the instance") {
    const Credentials nothing{1000, std::nullopt, false};
    const Credentials token{1000, "secret", false};
    const Credentials certificates{1000, std::nullopt, true};
    const Credentials both{1000, "secret", true};
    struct Row {
        const char* what;
        Peer peer;
        const char* authorization;
        Credentials credentials;
        int status;
    };
    const Row rows[] = {
        {"our own uid", UnixPeer{1000}, "", nothing, 200},
        {"root", UnixPeer{0}, "", nothing, 200},
        {"another uid", UnixPeer{1001}, "", nothing, 403},
        {"another uid with the token", UnixPeer{1001}, "Bearer secret", token, 403},
        {"TCP, nothing configured", stranger, "", nothing, 403},
        {"TCP, nothing configured, a token shown", stranger, "Bearer secret", nothing, 403},
        {"TCP, an empty token shown", stranger, "Bearer ", nothing, 403},
        {"the token", stranger, "Bearer secret", token, 200},
        {"the token, scheme in small letters", stranger, "bearer secret", token, 200},
        {"no token", stranger, "", token, 401},
        {"a wrong token", stranger, "Bearer Secret", token, 401},
        {"the token and more", stranger, "Bearer secretsecret", token, 401},
        {"a part of the token", stranger, "Bearer secre", token, 401},
        {"no scheme", stranger, "secret", token, 401},
        {"another scheme", stranger, "Basic secret", token, 401},
        {"a certificate without client_ca", with_certificate, "", token, 401},
        {"a certificate", with_certificate, "", certificates, 200},
        {"no certificate", stranger, "", certificates, 403},
        {"no certificate but the token", stranger, "Bearer secret", both, 200},
        {"a certificate and a wrong token", with_certificate, "Bearer wrong", both, 200},
        {"neither of both", stranger, "", both, 401},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(status_of(row.peer, row.authorization, row.credentials) == row.status);
    }
}

TEST_CASE("whoever is admitted is named") {
    CHECK(asked_by(UnixPeer{0}, "", {1000, std::nullopt, false}) == "uid 0 through the socket");
    CHECK(asked_by(stranger, "Bearer s", {1000, "s", false}) == "token from 10.0.0.7");
    CHECK(asked_by(with_certificate, "", {1000, std::nullopt, true}) == "certificate /CN=controller from 10.0.0.7");
}

TEST_CASE("a refusal says how to be admitted and never shows the secret") {
    const auto refused = std::get<Problem>(may_control(stranger, "", {1000, std::nullopt, false}));
    CHECK(refused.hint.find("http.token_file") != std::string::npos);

    const auto wrong = std::get<Problem>(may_control(stranger, "Bearer guess", {1000, "secret", false}));
    CHECK(wrong.fields.starts_with("WWW-Authenticate: Bearer"));
    CHECK((wrong.detail + wrong.hint + wrong.fields).find("secret") == std::string::npos);
    CHECK((wrong.detail + wrong.hint + wrong.fields).find("guess") == std::string::npos);
}

TEST_CASE("secrets are the same only when every byte is") {
    CHECK(same_secret("abc", "abc"));
    CHECK_FALSE(same_secret("abc", "abd"));
    CHECK_FALSE(same_secret("abc", "abcabc"));
    CHECK_FALSE(same_secret("abcabc", "abc"));
    CHECK_FALSE(same_secret("abc", ""));
    CHECK_FALSE(same_secret("", ""));
}
