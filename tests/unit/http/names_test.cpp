#include "http/names.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <semaphore>

#include "http/client.hpp"
#include "http/lookup_thread.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"
#include "unit/http/running_server.hpp"

using namespace pgbosun;
using namespace pgbosun::http;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

using Addresses = std::vector<std::string>;

// Answers when it is told to.
struct NameServer {
    struct Question {
        std::string host;
        std::function<void(Looked)> answer;
    };
    std::vector<Question> asked;

    Names& serve(boost::asio::io_context& loop) {
        Names& names = Names::of(loop);
        names.use([this](std::string host, std::function<void(Looked)> answer) {
            asked.push_back({std::move(host), std::move(answer)});
        });
        return names;
    }
    void find(std::size_t question, Addresses addresses) {
        asked.at(question).answer({Looked::Answer::found, std::move(addresses), {}});
    }
};

// An asker who has begun to wait.
struct Asker {
    Asker(boost::asio::io_context& loop, Names& names, std::string host) {
        boost::asio::co_spawn(
            loop, names.find(std::move(host), 1h),
            [this](const std::exception_ptr&, Result<Addresses> found) { answer = std::move(found); });
    }
    std::optional<Result<Addresses>> answer;
};

}  // namespace

TEST_CASE("a lookup that hangs holds neither a number nor a name that was found before") {
    NameServer server;
    boost::asio::io_context loop;
    Names& names = server.serve(loop);
    const Asker known(loop, names, "pg-1");
    run_until(loop, [&] { return server.asked.size() == 1; });
    server.find(0, {"10.0.0.1"});
    run_until(loop, [&] { return known.answer.has_value(); });
    CHECK(known.answer->value() == Addresses{"10.0.0.1"});

    const Asker unknown(loop, names, "pg-2");
    run_until(loop, [&] { return server.asked.size() == 2; });
    CHECK(run(loop, names.find("10.0.0.9", 0s)).value() == Addresses{"10.0.0.9"});
    CHECK(run(loop, names.find("fd00::9", 0s)).value() == Addresses{"fd00::9"});
    // Until what is known of pg-1 is no longer fresh.
    while (server.asked.size() == 2) CHECK(run(loop, names.find("pg-1", 1h)).value() == Addresses{"10.0.0.1"});
    CHECK(server.asked.at(2).host == "pg-1");
    CHECK_FALSE(unknown.answer.has_value());

    // At once, as its patience is over.
    CHECK(run(loop, names.find("pg-1", 1h)).value() == Addresses{"10.0.0.1"});
    CHECK(server.asked.size() == 3);
    server.find(2, {"10.0.0.2"});
    Result<Addresses> moved = Addresses{};
    run_until(loop, [&] {
        moved = run(loop, names.find("pg-1", 1h));
        return moved.value() == Addresses{"10.0.0.2"};
    });
    CHECK(server.asked.size() == 3);
}

TEST_CASE("of one host one lookup is under way, and its end is everybody's") {
    NameServer server;
    boost::asio::io_context loop;
    Names& names = server.serve(loop);
    const Asker one(loop, names, "pg-1"), two(loop, names, "pg-1");
    run_until(loop, [&] { return server.asked.size() == 1; });
    const auto impatient = run(loop, names.find("pg-1", 10ms));
    REQUIRE_FALSE(impatient);
    CHECK(impatient.error().kind == FaultKind::unavailable);
    CHECK(impatient.error().what == "the name pg-1 cannot be resolved: no name server has given an answer");
    CHECK_FALSE(impatient.error().hint.empty());
    CHECK(server.asked.size() == 1);

    server.asked.at(0).answer({Looked::Answer::absent, {}, "no such host"});
    run_until(loop, [&] { return one.answer && two.answer; });

    CHECK(one.answer->error().what == "the name pg-1 cannot be resolved: no such host");
    CHECK(two.answer->error().what == "the name pg-1 cannot be resolved: no such host");
    CHECK(server.asked.size() == 1);
}

TEST_CASE("a question to a name ends in its time while the lookup hangs, and nobody waits for that one then") {
    std::binary_semaphore begun(0), end(0);
    std::atomic<int> looked = 0;
    LookupThread thread([&](const std::string&) {
        ++looked;
        begun.release();
        end.acquire();
        return Looked{Looked::Answer::found, {"10.0.0.1"}, {}};
    });
    struct Release {
        ~Release() { end.release(); }
        std::binary_semaphore& end;
    } release{end};
    {
        boost::asio::io_context loop;
        Names::of(loop).use([&](std::string host, std::function<void(Looked)> answer) {
            thread.ask(std::move(host), std::move(answer));
        });
        Question question;
        question.timeout = 50ms;
        const auto client = Client::url("http://pg-1:8008").value();
        const auto answered = run(loop, client.ask(loop, question));
        REQUIRE_FALSE(answered);
        CHECK(answered.error().kind == FaultKind::unavailable);
        CHECK(answered.error().what ==
              "nobody answers at pg-1:8008: the name pg-1 cannot be resolved: no name server has given an answer");
        // Nothing is left to be done on the loop.
        loop.restart();
        loop.run();
        begun.acquire();
    }
    CHECK(looked == 1);
}

TEST_CASE("a server is reached by its name at whichever of its addresses answers") {
    RunningServer running;
    NameServer server;
    boost::asio::io_context loop;
    server.serve(loop);
    const auto client = Client::url("http://pg-1:" + std::to_string(running.server.port())).value();
    std::optional<Result<Answered>> answered;
    Question question;
    question.target = "/v1/status";
    boost::asio::co_spawn(loop, client.ask(loop, question),
                          [&](const std::exception_ptr&, Result<Answered> it) { answered = std::move(it); });
    run_until(loop, [&] { return server.asked.size() == 1; });
    server.find(0, {"127.0.0.2", "127.0.0.1", "::1"});
    run_until(loop, [&] { return answered.has_value(); });
    REQUIRE(*answered);
    CHECK((*answered)->status == 200);
}

TEST_CASE("the thread takes no more questions than it should, and says so at once") {
    std::counting_semaphore<> end(0);
    std::atomic<std::size_t> answered = 0;
    LookupThread thread([&](const std::string&) {
        end.acquire();
        return Looked{};
    });
    const auto ask = [&] { thread.ask("pg-1", [&](const Looked&) { ++answered; }); };
    std::size_t asked = 0;
    for (; answered == 0; ++asked) ask();
    CHECK(asked > LookupThread::most_waiting);
    CHECK(asked <= LookupThread::most_waiting + 2);
    end.release(static_cast<std::ptrdiff_t>(asked));
    // Who is destroyed waits for the one that is under way.
}

TEST_CASE("the C library knows this machine, and not who cannot be") {
    boost::asio::io_context loop;
    const auto found = run(loop, Names::of(loop).find("localhost", 1min));
    REQUIRE(found);
    CHECK((found->front() == "127.0.0.1" || found->front() == "::1"));
    // Too long for a name server to be asked.
    const auto absent = run(loop, Names::of(loop).find(std::string(300, 'x'), 1min));
    REQUIRE_FALSE(absent);
    CHECK(absent.error().kind == FaultKind::unavailable);
}
