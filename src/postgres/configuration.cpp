#include "postgres/configuration.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "pgbosun/restored_copy.hpp"
#include "postgres/parameters.hpp"

namespace pgbosun::postgres {
namespace {

constexpr std::string_view include_line = "include 'pgbosun.conf'";

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string list_element(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += c;
        quoted += c;
    }
    return quoted += '"';
}

// For the shell that runs archive_command; PostgreSQL itself replaces % first.
std::string command_word(std::string_view path) {
    std::string word;
    bool plain = true;
    for (const char c : path) {
        plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view("/._-+").find(c) != std::string_view::npos);
        if (c == '\'') {
            word += "'\\''";
            continue;
        }
        if (c == '%') word += c;
        word += c;
    }
    return plain ? word : "'" + word + "'";
}

const Lines& defaults() {
    static const Lines lines{
        {"wal_level", "replica"},
        {"wal_log_hints", "on"},
        {"wal_keep_size", "512MB"},
        {"max_replication_slots", "32"},
        {"archive_timeout", "5min"},
        {"wal_sender_timeout", "5s"},
        {"wal_receiver_timeout", "5s"},
        // 5 s, PostgreSQL's default, is what a promotion or a reconnect then waits for.
        {"wal_retrieve_retry_interval", "100ms"},
        {"password_encryption", "scram-sha-256"},
        {"log_checkpoints", "on"},
        {"log_lock_waits", "on"},
    };
    return lines;
}

struct Limit {
    std::string_view name;
    int HotStandbyLimits::* value;
    int server_default;
};
constexpr Limit hot_standby_limits[] = {
    {"max_connections", &HotStandbyLimits::max_connections, 100},
    {"max_worker_processes", &HotStandbyLimits::max_worker_processes, 8},
    {"max_wal_senders", &HotStandbyLimits::max_wal_senders, 10},
    {"max_prepared_transactions", &HotStandbyLimits::max_prepared_transactions, 0},
    {"max_locks_per_transaction", &HotStandbyLimits::max_locks_per_transaction, 64},
};

void raise_limits(std::map<std::string, std::string>& chosen, const HotStandbyLimits& limits) {
    for (const Limit& limit : hot_standby_limits) {
        int configured = limit.server_default;
        const auto found = chosen.find(std::string(limit.name));
        if (found != chosen.end()) {
            const std::string& text = found->second;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), configured);
            if (error != std::errc{} || end != text.data() + text.size()) continue;
        }
        const int needed = limits.*limit.value;
        if (needed > configured) chosen[std::string(limit.name)] = std::to_string(needed);
    }
}

// The shell becomes the program instead of forking it, for every segment.
std::string hook_command(std::string_view program) { return "exec " + command_word(program); }

std::string restore_command(const Settings& settings, const ConfigurationFacts& facts) {
    switch (facts.restores_from) {
        case RestoresFrom::own_archive: return hook_command(facts.wal_program) + " restore %f %p";
        case RestoresFrom::source_archive: return recovery_restore_command(settings, facts.wal_program);
        case RestoresFrom::nowhere: return {};
    }
    std::unreachable();
}

void append_archive(Lines& lines, const Settings& settings, const ConfigurationFacts& facts) {
    lines.emplace_back("archive_mode", settings.archive ? "on" : "off");
    if (!settings.archive) return;
    lines.emplace_back("archive_command", hook_command(facts.wal_program) + " archive %p");
    if (!facts.recovery) lines.emplace_back("restore_command", restore_command(settings, facts));
}

void append_log(Lines& lines, const Settings& settings) {
    lines.emplace_back("logging_collector", "on");
    lines.emplace_back("log_destination", "jsonlog");
    lines.emplace_back("log_directory", log_directory(settings));
    lines.emplace_back("log_filename", "postgres.log");
    lines.emplace_back("log_file_mode", "0600");
    lines.emplace_back("log_rotation_age", "0");
    lines.emplace_back("log_rotation_size", "0");
    lines.emplace_back("log_truncate_on_rotation", "off");
    // What a standby cannot go on with is told there, and nowhere else.
    lines.emplace_back("lc_messages", "C");
}

bool synchronizes_logical_slots(const Settings& settings, const ConfigurationFacts& facts) {
    const auto& slots = settings.replication_slots;
    return facts.server_major >= 17 && slots.high_availability && slots.synchronize_logical_decoding;
}

Lines owned_lines(const Settings& settings, const ConfigurationFacts& facts) {
    Lines lines;
    lines.emplace_back("port", std::to_string(settings.postgresql.port));
    lines.emplace_back("listen_addresses", settings.postgresql.listen_addresses);
    lines.emplace_back("unix_socket_directories", list_element(settings.run_dir));
    lines.emplace_back("unix_socket_permissions", facts.account ? "0777" : "0700");
    lines.emplace_back("cluster_name", settings.cluster);
    lines.emplace_back("hot_standby", "on");
    lines.emplace_back("restart_after_crash", "on");
    lines.emplace_back("full_page_writes", "on");
    append_archive(lines, settings, facts);
    if (facts.recovery) {
        // Those that clear a target come first: PostgreSQL 15 takes one after a target as a second target.
        for (const bool clearing : {true, false}) {
            for (const auto& line : *facts.recovery) {
                if (line.second.empty() == clearing) lines.push_back(line);
            }
        }
    } else {
        lines.emplace_back("recovery_target_timeline", facts.on_own_timeline ? "current" : "latest");
        const auto delay = std::chrono::ceil<std::chrono::milliseconds>(settings.postgresql.apply_delay).count();
        if (delay > 0) lines.emplace_back("recovery_min_apply_delay", std::to_string(delay) + "ms");
    }
    lines.emplace_back("primary_conninfo", facts.following ? facts.following->primary_conninfo : "");
    const std::string slot = facts.following ? facts.following->slot : "";
    lines.emplace_back("primary_slot_name", slot);
    if (facts.server_major >= 17) {
        const bool synchronizes = synchronizes_logical_slots(settings, facts) && !slot.empty();
        lines.emplace_back("sync_replication_slots", synchronizes ? "on" : "off");
        lines.emplace_back("synchronized_standby_slots", facts.confirming_slots);
    }
    const auto& synchronous = settings.postgresql.synchronous;
    lines.emplace_back("synchronous_standby_names",
                       facts.synchronous_standby_names ? *facts.synchronous_standby_names
                       : synchronous ? synchronous_standby_names(*synchronous, facts.connected_standbys)
                                     : "");
    append_log(lines, settings);
    if (facts.server_major >= 17) lines.emplace_back("allow_alter_system", "off");
    return lines;
}

std::string line_name(std::string_view line) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos || line[begin] == '#') return {};
    const auto end = line.find_first_of(" \t=", begin);
    return std::string(line.substr(begin, end == std::string_view::npos ? end : end - begin));
}

template <class Keep>
std::string filtered_lines(std::string_view text, const Keep& keep) {
    std::string result;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (keep(line)) result.append(line).append(end == std::string_view::npos ? "" : "\n");
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return result;
}

constexpr std::string_view generated = "# Generated by pgbosun; changes are overwritten.\n";

}  // namespace

std::string log_directory(const Settings& settings) { return settings.run_dir + "/log"; }
std::string json_log_fifo(const Settings& settings) { return log_directory(settings) + "/postgres.json"; }
std::string plain_log_fifo(const Settings& settings) { return log_directory(settings) + "/postgres.log"; }

std::string pgbosun_conf(const Settings& settings, const ConfigurationFacts& facts) {
    std::map<std::string, std::string> chosen(defaults().begin(), defaults().end());
    // After a crash PostgreSQL syncs each file of its data directory before anything else: seconds for the thousand files of
    // an empty database. Older kernels keep to themselves what syncfs could not write.
    if (facts.syncfs_tells_errors) chosen["recovery_init_sync_method"] = "syncfs";
    // What an incremental backup is made from; a standby needs it too, for it may be promoted, or asked.
    if (settings.backup.incremental && facts.server_major >= 17) chosen["summarize_wal"] = "on";
    if (synchronizes_logical_slots(settings, facts)) chosen["wal_level"] = "logical";
    // Nobody streams, so each look is at the store.
    const bool streams = settings.postgresql.replication.stream || !facts.following;
    if (facts.restores_from == RestoresFrom::source_archive || !streams) chosen["wal_retrieve_retry_interval"] = "1s";
    for (const auto& [name, value] : settings.postgresql.parameters) {
        std::string key = name;
        std::transform(key.begin(), key.end(), key.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        chosen[key] = value;
    }
    if (facts.following && facts.limits) raise_limits(chosen, *facts.limits);
    // Without it PostgreSQL synchronizes no slot: the primary would remove rows that the slot's reader still needs.
    if (synchronizes_logical_slots(settings, facts)) chosen["hot_standby_feedback"] = "on";

    std::string text(generated);
    for (const auto& [name, value] : chosen) text.append(name).append(" = ").append(quote_setting(value)).append("\n");
    text += "# Owned by pgbosun.\n";
    for (const auto& [name, value] : owned_lines(settings, facts))
        text.append(name).append(" = ").append(quote_setting(value)).append("\n");
    return text;
}

std::string pg_hba_conf(const Settings& settings, const ConfigurationFacts& facts) {
    const std::string method = facts.account ? "peer map=pgbosun" : "trust";
    std::string text(generated);
    text.append("local all,replication ").append(superuser).append(" ").append(method).append("\n");
    text.append("local all ").append(metrics_role).append(" ").append(method).append("\n");
    const std::string user = list_element(settings.postgresql.replication.user);
    const bool encrypted = settings.postgresql.replication.connections == Connections::encrypted;
    // Who comes back compares itself first, and rewinds, by SQL.
    for (const std::string_view database : {"replication", "postgres"}) {
        text.append(encrypted ? "hostssl " : "host ").append(database).append(" ").append(user);
        text.append(" all scram-sha-256\n");
    }
    // Else one of the lines below could let it in without TLS.
    if (encrypted) text.append("hostnossl all,replication ").append(user).append(" all reject\n");
    if (facts.holds_clients) return text;
    for (const std::string& line : settings.postgresql.pg_hba) text.append(line).append("\n");
    text += "local all all scram-sha-256\nhost all all all scram-sha-256\n";
    return text;
}

std::string pg_ident_conf(const Settings& settings, const ConfigurationFacts& facts) {
    std::string text(generated);
    if (facts.account) {
        for (const std::string_view role : {superuser, metrics_role})
            text.append("pgbosun ").append(list_element(*facts.account)).append(" ").append(role).append("\n");
    }
    for (const std::string& line : settings.postgresql.pg_ident) text.append(line).append("\n");
    return text;
}

std::string with_include(std::string_view postgresql_conf) {
    std::string text = filtered_lines(postgresql_conf, [](std::string_view line) { return line != include_line; });
    if (!text.empty() && text.back() != '\n') text += '\n';
    return text.append(include_line).append("\n");
}

std::string without_owned_parameters(std::string_view auto_conf) {
    return filtered_lines(auto_conf, [](std::string_view line) {
        const std::string name = line_name(line);
        if (name.empty()) return true;
        const auto finding = check_parameter(name, "");
        return !finding || finding->severity != Severity::refused;
    });
}

std::string without_owned_but_recovery(std::string_view auto_conf) {
    return filtered_lines(auto_conf, [](std::string_view line) {
        const std::string name = line_name(line);
        if (name.empty() || name.starts_with("recovery_") || name == "restore_command") return true;
        const auto finding = check_parameter(name, "");
        return !finding || finding->severity != Severity::refused;
    });
}

std::string without_copys_parameters(std::string_view auto_conf) {
    const std::string ours = std::string(restored_copy_workers) + " = '0'";
    return filtered_lines(auto_conf, [&](std::string_view line) { return line != ours; });
}

std::string rewind_conf(const Settings& settings, const std::string& wal_program) {
    ConfigurationFacts facts;
    facts.wal_program = wal_program;
    facts.restores_from = RestoresFrom::own_archive;
    std::string text(generated);
    text.append("include ").append(quote_setting(settings.data_directory() + "/postgresql.conf")).append("\n");
    if (!settings.archive) return text;
    return text.append("restore_command = ").append(quote_setting(restore_command(settings, facts))).append("\n");
}

std::string recovery_restore_command(const Settings& settings, const std::string& wal_program) {
    return "PGBOSUN_ARCHIVE_SOCKET=" + command_word(settings.recovery_socket()) + " " + hook_command(wal_program) +
           " restore %f %p";
}

std::string synchronous_standby_names(const SynchronousSettings& settings,
                                      const std::vector<std::string>& connected_standbys) {
    const auto connected = [&](const std::string& name) {
        return std::find(connected_standbys.begin(), connected_standbys.end(), name) != connected_standbys.end();
    };
    std::vector<std::string> names = settings.standby_names;
    int number = settings.number;
    if (settings.data_durability == DataDurability::preferred) {
        if (names.empty()) names = connected_standbys;
        std::erase_if(names, [&](const std::string& name) { return !connected(name); });
        number = std::min(number, static_cast<int>(names.size()));
        if (number == 0) return {};
    }

    std::string text = settings.method == SyncMethod::any ? "ANY " : "FIRST ";
    text += std::to_string(number) + " (";
    if (names.empty()) text += '*';
    for (std::size_t i = 0; i < names.size(); ++i) text.append(i == 0 ? "" : ",").append(list_element(names[i]));
    return text += ')';
}

}  // namespace pgbosun::postgres
