#include "http/name_memory.hpp"

#include "support/catch.hpp"

using namespace pgbosun::http;
using namespace std::chrono_literals;

namespace {

constexpr NameMemory::Time begin{1h};
const std::vector<std::string> old_place = {"10.0.0.1"};
const std::vector<std::string> new_place = {"10.0.0.2"};

NameMemory::Asker asks(NameMemory::Time since, std::chrono::milliseconds most = 3s) {
    return {"pg-1", since, since + most};
}

// "take 10.0.0.1", "ask until 200", "wait until 200", "lack why"; moments in milliseconds from `begin`.
std::string step(const NameMemory& memory, const NameMemory::Asker& asker, NameMemory::Time now) {
    const auto step = memory.next(asker, now);
    if (const auto* take = std::get_if<NameMemory::Take>(&step)) return "take " + take->addresses.at(0);
    if (const auto* lack = std::get_if<NameMemory::Lack>(&step)) return "lack " + lack->why;
    const auto& wait = std::get<NameMemory::Wait>(step);
    const auto until = std::chrono::duration_cast<std::chrono::milliseconds>(wait.until - begin).count();
    return (wait.lookup == NameMemory::Lookup::to_begin ? "ask until " : "wait until ") + std::to_string(until);
}

Looked found(const std::vector<std::string>& addresses) { return {Looked::Answer::found, addresses, {}}; }

// It was found at `begin`.
NameMemory knowing() {
    NameMemory memory;
    memory.begin("pg-1", begin);
    memory.note("pg-1", found(old_place), begin);
    return memory;
}

}  // namespace

TEST_CASE("a name that nobody knows is asked for, and waited for as long as the asker has") {
    NameMemory memory;
    CHECK(step(memory, asks(begin), begin) == "ask until 3000");
    CHECK(step(memory, asks(begin, 50ms), begin) == "ask until 50");
    memory.begin("pg-1", begin);
    CHECK(step(memory, asks(begin), begin + 2999ms) == "wait until 3000");
    CHECK(step(memory, asks(begin + 1s), begin + 1s) == "wait until 4000");
    CHECK(step(memory, asks(begin), begin + 3s) == "lack no name server has given an answer");
}

TEST_CASE("an address is used for a second without another look, and then another look is taken first") {
    const NameMemory memory = knowing();
    for (const auto& [after, expected] :
         std::vector<std::pair<std::chrono::milliseconds, std::string>>{{0ms, "take 10.0.0.1"},
                                                                        {1000ms, "take 10.0.0.1"},
                                                                        {1001ms, "ask until 1201"},
                                                                        {24h, "ask until 86400200"}}) {
        CAPTURE(after.count());
        CHECK(step(memory, asks(begin + after), begin + after) == expected);
    }
    CHECK(step(memory, asks(begin + 2s, 20ms), begin + 2s) == "ask until 2020");
}

TEST_CASE("a name server that is silent costs a known name its patience once, and not each asker") {
    NameMemory memory = knowing();
    memory.begin("pg-1", begin + 2s);
    CHECK(step(memory, asks(begin + 2s), begin + 2s) == "wait until 2200");
    CHECK(step(memory, asks(begin + 2s), begin + 2199ms) == "wait until 2200");
    CHECK(step(memory, asks(begin + 2s), begin + 2200ms) == "take 10.0.0.1");
    CHECK(step(memory, asks(begin + 2150ms), begin + 2150ms) == "wait until 2200");
    CHECK(step(memory, asks(begin + 1min), begin + 1min) == "take 10.0.0.1");
}

TEST_CASE("what is said counts for who asked before, and for others only when it is an address") {
    struct Row {
        Looked said;
        std::string before, after;
    };
    const Row rows[] = {
        {found(new_place), "take 10.0.0.2", "take 10.0.0.2"},
        {{Looked::Answer::silent, {}, "try again"}, "take 10.0.0.1", "ask until 2301"},
        {{Looked::Answer::absent, {}, "no such host"}, "lack no such host", "ask until 5101"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.said.why);
        NameMemory memory = knowing();
        memory.begin("pg-1", begin + 2s);
        memory.note("pg-1", row.said, begin + 2100ms);
        CHECK(step(memory, asks(begin + 2s), begin + 2100ms) == row.before);
        CHECK(step(memory, asks(begin + 2101ms), begin + 2101ms) == row.after);
    }
}

TEST_CASE("a host that does not exist is not looked for where it was, also when the name server falls silent then") {
    NameMemory memory = knowing();
    memory.begin("pg-1", begin + 2s);
    memory.note("pg-1", {Looked::Answer::absent, {}, "no such host"}, begin + 2s);
    memory.begin("pg-1", begin + 3s);
    memory.note("pg-1", {Looked::Answer::silent, {}, "try again"}, begin + 4s);
    CHECK(step(memory, asks(begin + 3s), begin + 4s) == "lack try again");
}

TEST_CASE(
    "what is remembered has a limit: the one asked for longest ago is forgotten, but no lookup that is under way") {
    NameMemory memory;
    for (std::size_t at = 0; at < NameMemory::most_names; ++at) {
        const std::string host = "host-" + std::to_string(at);
        memory.begin(host, begin + at * 1ms);
        if (at == 1 || at == 2) memory.note(host, found(old_place), begin + 1s);
    }
    const auto later = begin + 1500ms;
    CHECK(step(memory, {"host-1", later, later + 1s}, later) == "take 10.0.0.1");

    memory.begin("pg-1", later);
    CHECK(memory.size() == NameMemory::most_names);
    CHECK(step(memory, {"host-1", later, later + 1s}, later) == "ask until 2500");
    CHECK(step(memory, {"host-2", later, later + 1s}, later) == "take 10.0.0.1");

    memory.begin("pg-2", later);
    CHECK(memory.size() == NameMemory::most_names);
    CHECK(step(memory, {"pg-3", later, later + 1s}, later) == "lack too many names are being looked up");
    CHECK(step(memory, {"host-0", later, later + 1s}, later) == "wait until 2500");
}
