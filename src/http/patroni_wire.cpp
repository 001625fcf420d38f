// Patroni's document, for the tools that read it. Field names are Patroni's; what we do not know is left out.

#include <nlohmann/json.hpp>

#include "http/wire.hpp"

namespace pgbosun::http {
namespace {

using Json = nlohmann::ordered_json;

std::string_view patroni_state(const InstanceStatus& status) {
    if (status.fenced) return "stopped";
    switch (status.phase) {
        case Phase::starting: return "starting";
        case Phase::bootstrapping:
            return status.role == Role::standby ? "creating replica" : "initializing new cluster";
        case Phase::running: return status.postgres.silent_since ? "unknown" : "running";
        case Phase::stopping: return "stopping";
        case Phase::stopped: return "stopped";
        case Phase::fenced: return "stopped";
        case Phase::isolated: return "stopped";
        case Phase::demoting: return "stopping";
        case Phase::promoting: return "running";
        case Phase::rejoining: return "starting";
        case Phase::restarting: return "restarting";
        case Phase::failed: return "crashed";
    }
    std::unreachable();
}

std::string_view patroni_role(Role role) {
    switch (role) {
        case Role::primary: return "primary";
        case Role::standby: return "replica";
        case Role::none: return "uninitialized";
    }
    std::unreachable();
}

Json position(const std::optional<Lsn>& lsn) { return lsn ? Json(lsn->value) : Json(); }

Json xlog_of(const InstanceStatus& status) {
    if (status.role == Role::primary) return {{"location", position(status.lsn.current)}};
    return {{"received_location", position(status.lsn.received)},
            {"replayed_location", position(status.lsn.replayed)},
            {"replayed_timestamp", nullptr},
            {"paused", status.lsn.replay_paused}};
}

Json replication_of(const InstanceStatus& status) {
    Json list = Json::array();
    for (const auto& standby : status.standbys) {
        list.push_back({{"application_name", standby.name},
                        {"client_addr", standby.client_address.empty() ? Json() : Json(standby.client_address)},
                        {"state", standby.state},
                        {"sync_state", standby.sync}});
    }
    return list;
}

// Patroni prints "2026-11-21 01:41:32.725000+00:00".
std::string start_time(WallTime now, Duration age) {
    std::string text = to_iso8601(now - std::chrono::duration_cast<std::chrono::microseconds>(age));
    static constexpr std::size_t between_date_and_time = 10;
    text[between_date_and_time] = ' ';
    text.pop_back();
    return text.append("000+00:00");
}

}  // namespace

std::string render_patroni(const InstanceStatus& status, std::string_view reason, WallTime now) {
    Json json;
    json["state"] = patroni_state(status);
    json["role"] = patroni_role(status.role);
    if (!reason.empty()) json["reason"] = reason;
    if (status.postgres.started_at) {
        json["postmaster_start_time"] = start_time(now, status.now - *status.postgres.started_at);
    }
    if (status.postgres.version != 0) json["server_version"] = status.postgres.version;
    if (status.timeline) json["timeline"] = number(*status.timeline);
    if (status.role != Role::none) json["xlog"] = xlog_of(status);
    if (status.role == Role::primary && !status.standbys.empty()) json["replication"] = replication_of(status);
    if (status.role == Role::standby) {
        json["replication_state"] = status.lsn.streaming ? "streaming" : "in archive recovery";
        if (status.synchronous) json["sync_standby"] = true;
    }
    if (status.pending_restart) json["pending_restart"] = true;
    if (status.system_id) json["database_system_identifier"] = std::to_string(number(*status.system_id));
    json["patroni"] = {{"version", status.version}, {"scope", status.cluster}, {"name", status.instance}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pgbosun::http
