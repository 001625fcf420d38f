#pragma once
// Controllers over agents, a record and a publication of the test; decisions and rights are as they are.

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/controller.hpp"
#include "controller/record_text.hpp"
#include "log_lines.hpp"
#include "pgbosun/spawn.hpp"
#include "support/catch.hpp"
#include "support/fake_agent.hpp"
#include "support/fake_cluster_record.hpp"

namespace pgbosun::test {

using namespace std::chrono_literals;
using controller::Candidate;
using controller::Controller;

inline constexpr Duration world_ttl = 600ms;

// Runs as fast as the machine's.
class SteadyClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override {
        return Instant(std::chrono::hours(10) + std::chrono::steady_clock::now().time_since_epoch());
    }
    [[nodiscard]] WallTime wall() const override { return {}; }
};

class FakePublication final : public Publication {
public:
    std::map<std::string, PublishedRole> roles;
    std::vector<std::string> told;
    std::string absent;  // it has no pod
    int asked_for_absent = 0;

    Task<Result<>> publish(std::string instance, PublishedRole role) override {
        if (instance == absent) {
            ++asked_for_absent;
            co_return fail(FaultKind::not_found, "there is no such pod (told by the test)");
        }
        roles[instance] = role;
        co_return Result<>{};
    }
    Task<Result<>> tell(std::string reason, std::string message) override {
        told.push_back(reason + ": " + message);
        co_return Result<>{};
    }
    [[nodiscard]] std::string primaries() const {
        std::string names;
        for (const auto& [name, role] : roles) {
            if (role == PublishedRole::primary) names += name;
        }
        return names;
    }
};

struct World {
    boost::asio::io_context loop;
    SteadyClock clock;
    FakeRecordEngine engine{loop, clock};
    FakePublication publication;
    FakeAgents agents;
    controller::Policy policy;
    struct One {
        std::unique_ptr<FakeClusterRecord> record;
        std::unique_ptr<Controller> controller;
    };
    std::vector<One> controllers;

    World() {
        logged().clear();
        policy.cluster = "orders";
        policy.ttl = world_ttl;
        policy.restart_window = 300ms;
        for (const std::string name : {"pg-1", "pg-2", "pg-3"}) {
            policy.members.push_back({{name, "http://" + name, "host=" + name}, 0});
            agents.agents[name] = std::make_unique<FakeAgent>(loop, clock, agents, name, world_ttl);
        }
    }

    Controller& start(const std::string& id) {
        const Candidate candidate{"http://" + id + ":8009", id};
        One one;
        one.record = std::make_unique<FakeClusterRecord>(engine, candidate.text());
        controller::ControllerParts parts;
        parts.record = one.record.get();
        parts.publication = &publication;
        for (const auto& member : policy.members) {
            const auto& name = member.peer.name;
            parts.links[name] = std::make_unique<FakeAgentLink>(agents[name]);
        }
        one.controller = std::make_unique<Controller>(loop, clock, policy, candidate, std::move(parts));
        one.controller->begin();
        controllers.push_back(std::move(one));
        return *controllers.back().controller;
    }

    // Never two, at any step.
    template <class Condition>
    void until(Condition condition) {
        const Instant give_up = clock.now() + 30s;
        while (!condition()) {
            REQUIRE(clock.now() < give_up);
            loop.restart();
            loop.run_one_for(10ms);
            REQUIRE(agents.serving().find("and") == std::string::npos);
        }
    }
    void end(Controller& controller) {
        bool ended = false;
        const auto resign = [&]() -> Task<> {
            co_await controller.end();
            ended = true;
        };
        spawn(loop, resign());
        until([&] { return ended; });
    }
    // All three are there, and two could take over.
    void until_whole(Controller& controller) {
        until([&] {
            const auto& stored = engine.stored();
            const auto record = controller::parse_record(stored ? stored->text : "");
            return !agents.serving().empty() && record && record->acknowledged.names.size() == 2 &&
                   record->acknowledged == record->promotable && record->former.empty() && controller.status().serving;
        });
    }
};

}  // namespace pgbosun::test
