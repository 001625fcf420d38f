// Prints docs/state-machine.md from an exhaustive walk of decide(); with a file as argument, says whether it is the same.

#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "walk.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;

namespace {

struct Row {
    std::set<std::string> next;
    std::set<std::string> actions;
};

std::string joined(const std::set<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text;
}

std::string drawn() {
    std::map<std::pair<std::string, std::string>, Row> rows;
    std::set<std::pair<std::string, std::string>> arrows;
    const auto draw = [&](const test::Edge& edge) {
        const std::string from(name_of(edge.from.state.activity));
        const std::string to(name_of(edge.to.state.activity));
        if (from == to && edge.decision.actions.size() == 0) return;
        auto& row = rows[{from, std::string(name_of(edge.event))}];
        row.next.insert(to);
        for (const Action& action : edge.decision.actions) row.actions.insert(std::string(name_of(action)));
        if (from != to) arrows.insert({from, to});
    };
    std::size_t states = 0;
    for (const auto authority : {test::Authority::standalone, test::Authority::managed}) {
        states += test::walk(authority, draw).nodes.size();
    }

    std::ostringstream text;
    text << "# The state machine of an instance\n\n"
            "Drawn by `tests/unit/instance/draw.cpp` from an exhaustive walk of `decide()`; a test compares this page "
            "with "
            "the code.\nThe walk visits "
         << states
         << " states. What is not listed changes nothing.\n\n```mermaid\nstateDiagram-v2\n    [*] --> inspecting\n";
    for (const auto& [from, to] : arrows) text << "    " << from << " --> " << to << "\n";
    text << "    ended --> [*]\n```\n\n| in | when | does | becomes |\n|---|---|---|---|\n";
    for (const auto& [place, row] : rows) {
        text << "| " << place.first << " | " << place.second << " | " << joined(row.actions) << " | "
             << joined(row.next) << " |\n";
    }
    return text.str();
}

}  // namespace

int main(int argc, char** argv) {
    const std::string text = drawn();
    if (argc < 2) {
        std::fputs(text.c_str(), stdout);
        return 0;
    }
    std::ifstream file(argv[1]);
    std::ostringstream kept;
    kept << file.rdbuf();
    if (kept.str() == text) return 0;
    std::fprintf(stderr, "%s is not what the code does any more; write it anew: draw_state_machine > %s\n", argv[1],
                 argv[1]);
    return 1;
}
