#include "http/client.hpp"
#include "support/catch.hpp"
#include "unit/http/certificates.hpp"
#include "unit/http/running_server.hpp"

using namespace pgbosun;
using namespace pgbosun::test;

namespace {

struct TlsFiles {
    TemporaryDirectory directory;
    Authority authority;
    HttpSettings http;

    TlsFiles() {
        http.cert_file = directory.file("cert.pem");
        http.key_file = directory.file("key.pem");
        renew(authority, "server");
        directory.write("ca.pem", authority.certificate());
    }
    void renew(const Authority& by, const std::string& name) {
        const PemPair pair = by.issue(name);
        directory.write("cert.pem", pair.certificate);
        directory.write("key.pem", pair.key);
    }
    http::ClientTrust trust() { return {.ca_file = directory.file("ca.pem")}; }
};

Result<http::Answered> ask(RunningServer& running, http::ClientTrust trust, const char* method = "GET",
                           const char* target = "/v1/status", const char* host = "127.0.0.1") {
    const auto url = "https://" + std::string(host) + ":" + std::to_string(running.server.port());
    const auto client = http::Client::url(url, std::move(trust));
    http::Question question;
    question.method = method;
    question.target = target;
    return client->request(question);
}

}  // namespace

TEST_CASE("the port speaks TLS, and the client checks who answers") {
    TlsFiles files;
    RunningServer running(files.http);

    const auto answered = ask(running, files.trust());
    REQUIRE(answered);
    CHECK(answered->status == 200);
    CHECK(answered->body.starts_with("{\"monotonic_ms\":"));

    const Authority other;
    http::ClientTrust wrong = files.trust();
    wrong.ca_file = files.directory.write("other.pem", other.certificate());
    const auto refused = ask(running, wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FaultKind::unavailable);
    CHECK_FALSE(ask(running, files.trust(), "GET", "/livez", "127.0.0.2"));
    CHECK(RawPeer::unix_socket(running.socket_path)
              .send("GET /livez HTTP/1.1\r\n\r\n")
              .read_answer()
              .ends_with("live\n"));
    CHECK(RawPeer::tcp(running.server.port()).send("GET /livez HTTP/1.1\r\n\r\n").read_to_end().find("200") ==
          std::string::npos);
}

TEST_CASE("a client that has the authority's text looks at no file for it") {
    TlsFiles files;
    RunningServer running(files.http);
    http::ClientTrust trust{.ca_file = files.directory.file("on a disk that hangs")};
    REQUIRE_FALSE(ask(running, trust));

    trust.ca_text = files.authority.certificate();

    CHECK(ask(running, trust)->status == 200);
    trust.ca_text = Authority().certificate();
    CHECK_FALSE(ask(running, trust));
}

TEST_CASE("what a client trusts is read once, and again when one of its files is another one") {
    using http::ClientTls;
    TlsFiles files;
    const PemPair pair = files.authority.issue("controller");
    http::ClientTrust trust = files.trust();
    trust.cert_file = files.directory.write("client.pem", pair.certificate);
    trust.key_file = files.directory.write("client.key", pair.key);
    ClientTls each_time(trust), once(trust, ClientTls::Look::once);
    const auto first = each_time.context().value();
    const auto kept = once.context().value();
    CHECK(each_time.context().value() == first);

    const auto replace = [&](const char* name, const std::string& text) {
        std::filesystem::rename(files.directory.write("new", text), files.directory.file(name));
    };
    replace("ca.pem", Authority().certificate());
    const auto second = each_time.context().value();
    CHECK(second != first);
    CHECK(each_time.context().value() == second);
    const PemPair next = files.authority.issue("controller");
    replace("client.pem", next.certificate);
    CHECK_FALSE(each_time.context());  // of one pair only half is there
    replace("client.key", next.key);
    CHECK(each_time.context().value() != second);
    CHECK(once.context().value() == kept);
}

TEST_CASE("what the system trusts is read once, and again when it is another file") {
    const TemporaryDirectory directory;
    const Authority authority;
    ::setenv("SSL_CERT_FILE", directory.write("system.pem", authority.certificate()).c_str(), 1);
    http::ClientTls tls(http::ClientTrust{});
    const auto first = tls.context().value();
    CHECK(tls.context().value() == first);

    directory.write("system.pem", authority.certificate() + Authority().certificate());

    CHECK(tls.context().value() != first);
    ::unsetenv("SSL_CERT_FILE");
}

TEST_CASE("a client of a trust that is shared asks with it, and takes what it becomes") {
    TlsFiles files;
    RunningServer running(files.http);
    const auto tls = std::make_shared<http::ClientTls>(files.trust());
    const auto url = "https://127.0.0.1:" + std::to_string(running.server.port());
    const auto client = http::Client::url(url, tls).value();
    http::Question question;
    question.target = "/livez";
    CHECK(client.request(question)->status == 200);
    CHECK(client.request(question)->status == 200);

    std::filesystem::rename(files.directory.write("new", Authority().certificate()), files.directory.file("ca.pem"));

    CHECK_FALSE(client.request(question));
}

TEST_CASE("a renewed certificate counts after a reload, a broken one leaves the old in place") {
    TlsFiles files;
    RunningServer running(files.http);
    const auto reload = [&] {
        HttpSettings http = files.http;
        http.listen = "127.0.0.1:0";
        return running.on_loop([&] { return test::reload(running.server, http).has_value(); });
    };
    const Authority next;
    http::ClientTrust trust_next = files.trust();
    trust_next.ca_file = files.directory.write("next.pem", next.certificate());
    CHECK_FALSE(ask(running, trust_next));

    files.renew(next, "server");
    CHECK(reload());
    CHECK(ask(running, trust_next));
    CHECK_FALSE(ask(running, files.trust()));

    files.directory.write("key.pem", Authority().issue("another").key);
    CHECK_FALSE(reload());
    CHECK(ask(running, trust_next));
    files.directory.write("cert.pem", "not PEM");
    CHECK_FALSE(reload());
    CHECK(ask(running, trust_next));
}

TEST_CASE("an authority for asking others that is none is refused with the rest of the files") {
    TlsFiles files;
    RunningServer running(files.http);
    HttpSettings http = files.http;
    http.listen = "127.0.0.1:0";
    http.ca_file = files.directory.write("others.pem", "not PEM");
    const auto reload = [&] { return running.on_loop([&] { return test::reload(running.server, http); }); };

    const auto refused = reload();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("http.ca_file") != std::string::npos);

    files.directory.write("others.pem", Authority().certificate());
    CHECK(reload());
    CHECK(ask(running, files.trust()));  // it is not what clients are judged by
}

TEST_CASE("a client certificate may control; probes need none") {
    TlsFiles files;
    files.http.client_ca = files.directory.file("ca.pem");
    RunningServer running(files.http);
    const PemPair pair = files.authority.issue("controller");
    http::ClientTrust with_certificate = files.trust();
    with_certificate.cert_file = files.directory.write("client.pem", pair.certificate);
    with_certificate.key_file = files.directory.write("client.key", pair.key);

    CHECK(ask(running, files.trust(), "GET", "/livez")->status == 200);
    CHECK(ask(running, files.trust(), "POST", "/v1/reload")->status == 403);
    CHECK(ask(running, with_certificate, "POST", "/v1/reload")->status == 200);
    CHECK(running.on_loop([&] { return running.control.commands().at(0).asked_by; }) ==
          "certificate /CN=controller from 127.0.0.1");

    const PemPair foreign = Authority().issue("controller");
    with_certificate.cert_file = files.directory.write("client.pem", foreign.certificate);
    with_certificate.key_file = files.directory.write("client.key", foreign.key);
    CHECK_FALSE(ask(running, with_certificate, "POST", "/v1/reload"));
    CHECK(running.on_loop([&] { return running.control.commands().size(); }) == 1);
}

TEST_CASE("TLS settings that cannot work are refused before anything is listened on") {
    TlsFiles files;
    boost::asio::io_context io;
    FakeJournal journal(io);
    FakeInstanceControl control(io, journal);
    const auto error_of = [&](HttpSettings http) {
        http.listen = "127.0.0.1:0";
        http::Server server(io, control, journal, http, {}, files.directory.file("s"));
        const auto started = start(server, http);
        return started ? std::string() : started.error().what;
    };
    HttpSettings no_key = files.http;
    no_key.key_file.reset();
    CHECK(error_of(no_key).find("go together") != std::string::npos);
    HttpSettings only_ca;
    only_ca.client_ca = files.directory.file("ca.pem");
    CHECK(error_of(only_ca).find("without TLS") != std::string::npos);
    HttpSettings missing = files.http;
    missing.cert_file = files.directory.file("missing.pem");
    CHECK(error_of(missing).find("missing.pem") != std::string::npos);
    CHECK(error_of(files.http).empty());
}

TEST_CASE("who asks a port of TLS in plain text is told of https") {
    TlsFiles files;
    RunningServer running(files.http);
    const auto client = http::Client::url("http://127.0.0.1:" + std::to_string(running.server.port()));

    const auto answered = client->request({});

    REQUIRE_FALSE(answered);
    CHECK(answered.error().hint.find("https://") != std::string::npos);
}
