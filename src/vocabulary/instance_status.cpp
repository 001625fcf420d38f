#include "pgbosun/instance_status.hpp"

#include <utility>

#include "pgbosun/instance_control.hpp"

namespace pgbosun {

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::starting: return "starting";
        case Phase::bootstrapping: return "bootstrapping";
        case Phase::running: return "running";
        case Phase::stopping: return "stopping";
        case Phase::stopped: return "stopped";
        case Phase::fenced: return "fenced";
        case Phase::isolated: return "isolated";
        case Phase::demoting: return "demoting";
        case Phase::promoting: return "promoting";
        case Phase::rejoining: return "rejoining";
        case Phase::restarting: return "restarting";
        case Phase::failed: return "failed";
    }
    std::unreachable();
}

std::string_view to_string(Role role) {
    switch (role) {
        case Role::primary: return "primary";
        case Role::standby: return "standby";
        case Role::none: return "none";
    }
    std::unreachable();
}

std::string_view to_string(Verb verb) {
    switch (verb) {
        case Verb::fence: return "fence";
        case Verb::unfence: return "unfence";
        case Verb::restart: return "restart";
        case Verb::reload: return "reload";
        case Verb::checkpoint: return "checkpoint";
        case Verb::reclone: return "reclone";
        case Verb::promote: return "promote";
        case Verb::demote: return "demote";
    }
    std::unreachable();
}

}  // namespace pgbosun
