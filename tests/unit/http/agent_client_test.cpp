#include "http/agent_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "support/catch.hpp"
#include "support/scripted_http.hpp"

using namespace pgbosun;

TEST_CASE("a checkpoint that is still being written is not taken for one that is done") {
    const auto [answer, done] = GENERATE(table<std::string, bool>({{"200 OK", true}, {"202 Accepted", false}}));
    test::ScriptedHttp agent([answer = answer](const test::ScriptedRequest&) {
        return test::ScriptedReply::with(answer, "{}", {"Content-Type: application/json", "Connection: close"});
    });
    boost::asio::io_context loop;
    auto address = http::Client::url(agent.url());
    REQUIRE(address);
    http::AgentClient client(loop, std::move(*address), [] { return std::optional<std::string>(); });
    std::optional<Result<>> said;

    boost::asio::co_spawn(loop, client.checkpoint(), [&](std::exception_ptr, Result<> it) { said = std::move(it); });
    loop.run();

    REQUIRE(said.has_value());
    CHECK(said->has_value() == done);
    CHECK(agent.requests().at(0).path == "/v1/checkpoint");
}
