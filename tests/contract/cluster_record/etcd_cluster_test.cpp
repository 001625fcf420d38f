// etcd of three nodes, with authentication, and without some of them.
#include <array>

#include "cluster_record/etcd_record.hpp"
#include "http/client.hpp"
#include "support/catch.hpp"
#include "support/real_etcd.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<cluster_record::EtcdRecord> candidate(boost::asio::io_context& loop, const RealEtcd& etcd,
                                                      const std::string& name) {
    cluster_record::EtcdOptions options;
    options.endpoints = etcd.endpoints();
    options.cluster = "orders";
    options.candidate = name;
    return std::move(*cluster_record::EtcdRecord::make(loop, std::move(options)));
}

// A cluster that has lost its leader elects another within a few seconds.
template <class Ask>
auto until_it_works(boost::asio::io_context& loop, const Ask& ask) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    for (;;) {
        auto answer = run(loop, ask());
        if (answer || std::chrono::steady_clock::now() > give_up) return answer;
        REQUIRE(answer.error().kind == FaultKind::unavailable);
    }
}

void survives_loss_of(void (RealEtcd::*harm)(std::size_t), std::size_t victim_of_leader) {
    boost::asio::io_context loop;
    RealEtcd etcd(3);
    const auto one = candidate(loop, etcd, "one");
    const auto two = candidate(loop, etcd, "two");
    const auto first = run(loop, one->create("first"));
    REQUIRE(first);
    REQUIRE(run(loop, one->campaign(5s)));
    (etcd.*harm)((etcd.leader() + victim_of_leader) % 3);

    const auto read = until_it_works(loop, [&] { return two->read(); });
    REQUIRE(read);
    CHECK(read->text == "first");
    const auto second = until_it_works(loop, [&] { return one->replace("second", *first); });
    REQUIRE(second);
    CHECK(run(loop, one->keep()));
    const auto late = run(loop, two->replace("other", *first));
    REQUIRE_FALSE(late);
    CHECK(late.error().kind == FaultKind::conflict);
    CHECK(run(loop, two->read())->text == "second");
}

}  // namespace

TEST_CASE("the record outlives the node that leads etcd") { survives_loss_of(&RealEtcd::kill, 0); }
TEST_CASE("the record outlives another node") { survives_loss_of(&RealEtcd::kill, 1); }
TEST_CASE("a node that is silent is passed over") { survives_loss_of(&RealEtcd::freeze, 1); }

TEST_CASE("without a majority the record is unavailable, and says so in time") {
    boost::asio::io_context loop;
    RealEtcd etcd(3);
    const auto one = candidate(loop, etcd, "one");
    REQUIRE(run(loop, one->create("first")));
    etcd.kill(1);
    etcd.kill(2);
    const auto began = std::chrono::steady_clock::now();
    const auto read = run(loop, one->read());
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == FaultKind::unavailable);
    CHECK(std::chrono::steady_clock::now() - began < 60s);  // it takes two
}

TEST_CASE("with authentication only a user with a password is heard") {
    boost::asio::io_context loop;
    const RealEtcd etcd(1);
    const TemporaryDirectory place;
    const auto ask = [&](const std::string& path, const std::string& body) {
        http::Question question;
        question.method = "POST";
        question.target = path;
        question.body = body;
        return http::Client::url(etcd.endpoints().front())->request(question)->status;
    };
    REQUIRE(ask("/v3/auth/user/add", R"({"name": "root", "password": "right"})") == 200);
    REQUIRE(ask("/v3/auth/user/grant", R"({"user": "root", "role": "root"})") == 200);
    REQUIRE(ask("/v3/auth/enable", "{}") == 200);

    cluster_record::EtcdOptions options;
    options.endpoints = etcd.endpoints();
    options.cluster = "orders";
    options.candidate = "one";
    const auto stranger = std::move(*cluster_record::EtcdRecord::make(loop, options));
    const auto unheard = run(loop, stranger->read());
    REQUIRE_FALSE(unheard);
    CHECK(unheard.error().kind == FaultKind::refused);
    CHECK(unheard.error().hint.find("record.etcd.user") != std::string::npos);

    options.user = "root";
    options.password_file = place / "password";
    const auto write_password = [&](const std::string& password) {
        std::FILE* file = std::fopen(options.password_file->c_str(), "w");
        std::fputs((password + "\n").c_str(), file);
        std::fclose(file);
    };
    write_password("wrong");
    const auto known = std::move(*cluster_record::EtcdRecord::make(loop, options));
    const auto refused = run(loop, known->read());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FaultKind::refused);
    CHECK(refused.error().text().find("wrong") == std::string::npos);
    write_password("right");
    REQUIRE(run(loop, known->create("first")));
    CHECK(run(loop, known->read())->text == "first");
    CHECK(run(loop, known->changed(5s)).value() == RecordChange::seen);
    CHECK(run(loop, known->changed(50ms)).value() == RecordChange::none);
}
