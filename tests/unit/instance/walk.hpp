#pragma once
// An exhaustive walk of decide(): every state that the instance can reach in a world that answers its actions in
// every possible way and order, with every command arriving at every moment.

#include <compare>
#include <functional>
#include <map>
#include <vector>

#include "instance/decide.hpp"

namespace pgbosun::test {

// The truth outside: what really exists, and which answers are still due.
struct World {
    bool postmaster = false;
    bool strays = true;       // processes of an earlier postmaster may exist
    bool own_strays = false;  // of one that this life has started
    bool ours = false;        // the last look at the volume found no other server on it
    bool tool = false;        // initdb
    bool rejoining = false;   // comparing, pg_rewind or pg_basebackup
    bool judging = false, clearing = false, marking = false, measuring = false, checkpointing = false;
    bool storing = false, removing = false;
    bool begun = false;
    auto operator<=>(const World&) const = default;
};

struct Node {
    instance::InstanceState state;
    World world;
    auto operator<=>(const Node&) const = default;
};

struct Edge {
    const Node& from;
    const instance::Event& event;
    const instance::Decision& decision;
    const Node& to;
    bool commanded;  // by a person or a signal, not by the world
};

// Calls `visit` for every edge; answers the graph by node number with the edges that nobody commanded.
struct Graph {
    std::vector<Node> nodes;
    std::vector<std::vector<std::size_t>> uncommanded;
};
// standalone: nobody else says what it may be. managed: somebody does, at every moment; what is the same for both (crash
// windows, recovery to a target, a smart shutdown) is left to the other walk, for the states multiply.
enum class Authority { standalone, managed };
Graph walk(Authority authority, const std::function<void(const Edge&)>& visit);

instance::Policy walk_policy(Authority authority);

}  // namespace pgbosun::test
