#include "postgres/parameters.hpp"

#include <algorithm>
#include <array>

namespace pgbosun::postgres {
namespace {

constexpr std::size_t longest_name = 128;
constexpr std::size_t longest_value = 8192;

struct Owned {
    std::string_view name;  // ends in '*': every name that begins so
    std::string_view hint;
};

constexpr std::string_view archive_hint = "configure the section `archive`";
constexpr std::string_view log_hint = "PostgreSQL's log goes to standard output; choose its form with log.format";
constexpr std::string_view files_hint = "leave it out: pgbosun generates these files";
constexpr std::string_view recovery_hint = "recovery to a target is asked for with bootstrap.recovery";
constexpr std::string_view logical_hint = "use replication_slots.high_availability.synchronize_logical_decoding";
constexpr std::string_view join_hint = "use bootstrap.join.primary_conninfo";

constexpr std::array owned{
    Owned{"archive_command", archive_hint},
    Owned{"archive_library", archive_hint},
    Owned{"archive_mode", archive_hint},
    Owned{"archive_cleanup_command", "leave it out: the archive's retention is archive.retention"},
    Owned{"restore_command", archive_hint},
    Owned{"recovery_end_command", recovery_hint},
    Owned{"recovery_target*", recovery_hint},
    Owned{"primary_conninfo", join_hint},
    Owned{"primary_slot_name", "use replication_slots.high_availability"},
    Owned{"sync_replication_slots", logical_hint},
    Owned{"synchronized_standby_slots", logical_hint},
    Owned{"recovery_min_apply_delay", "use postgresql.apply_delay"},
    Owned{"promote_trigger_file", "use `pgbosun promote`"},
    Owned{"hot_standby", "leave it out: it is always on"},
    Owned{"port", "use postgresql.port"},
    Owned{"listen_addresses", "use postgresql.listen_addresses"},
    Owned{"unix_socket_directories", "use run_dir"},
    Owned{"unix_socket_group", "leave it out: the socket belongs to pgbosun's user"},
    Owned{"unix_socket_permissions", "leave it out: pg_hba.conf relies on it"},
    Owned{"synchronous_standby_names", "use postgresql.synchronous"},
    Owned{"cluster_name", "use cluster"},
    Owned{"restart_after_crash", "leave it out: it is always on"},
    Owned{"log_destination", log_hint},
    Owned{"logging_collector", log_hint},
    Owned{"log_directory", log_hint},
    Owned{"log_filename", log_hint},
    Owned{"log_file_mode", log_hint},
    Owned{"log_rotation_age", log_hint},
    Owned{"log_rotation_size", log_hint},
    Owned{"log_truncate_on_rotation", log_hint},
    Owned{"syslog_*", log_hint},
    Owned{"lc_messages", "leave it out: pgbosun reads the log. For clients: ALTER ROLE ... SET lc_messages"},
    Owned{"event_source", log_hint},
    Owned{"data_directory", "use volume"},
    Owned{"config_file", files_hint},
    Owned{"hba_file", "use postgresql.pg_hba"},
    Owned{"ident_file", "use postgresql.pg_ident"},
    Owned{"external_pid_file", files_hint},
    Owned{"include", "write the parameters themselves under postgresql.parameters"},
    Owned{"include_if_exists", "write the parameters themselves under postgresql.parameters"},
    Owned{"include_dir", "write the parameters themselves under postgresql.parameters"},
    Owned{"allow_alter_system", "leave it out: ALTER SYSTEM would overrule the generated configuration"},
};

// Refused or warned of only with a value that endangers data. All are booleans and meant to be on.
struct Dangerous {
    std::string_view name;
    Severity severity;
    std::string_view why;
};
constexpr std::array dangerous{
    Dangerous{"full_page_writes", Severity::refused, "a crash in the middle of a page write would damage data"},
    Dangerous{"fsync", Severity::warned, "a crash of the machine will damage data and lose transactions"},
    Dangerous{"wal_log_hints", Severity::warned, "pg_rewind then needs data checksums to rejoin a former primary"},
};

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

bool matches(std::string_view pattern, std::string_view name) {
    if (!pattern.ends_with('*')) return pattern == name;
    return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

// A letter or underscore, then letters, digits, underscores and dollar signs; one dot for an extension's.
bool valid_name(std::string_view name) {
    if (name.empty() || name.size() > longest_name) return false;
    int dots = 0;
    bool at_start = true;
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        const bool later = (c >= '0' && c <= '9') || c == '$';
        if (c == '.' && !at_start && ++dots == 1) {
            at_start = true;
            continue;
        }
        if (!letter && (at_start || !later)) return false;
        at_start = false;
    }
    return !at_start;
}

ParameterFinding refused(std::string why, std::string_view hint) {
    return {Severity::refused, std::move(why), std::string(hint)};
}

}  // namespace

std::optional<ParameterFinding> check_parameter(std::string_view name, std::string_view value) {
    if (!valid_name(name))
        return refused("this is not a parameter's name", "letters, digits and underscores, as in PostgreSQL's manual");
    if (value.size() > longest_value || value.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos)
        return refused("the value has a line break, a NUL byte or more than 8,192 bytes", "write it on one line");

    const std::string key = lower(name);
    for (const Owned& entry : owned)
        if (matches(entry.name, key)) return refused("pgbosun sets this parameter itself", entry.hint);
    if (key == "wal_level" && lower(value) == "minimal")
        return refused("archiving and standbys need at least wal_level replica", "use replica or logical");
    for (const Dangerous& entry : dangerous) {
        if (entry.name != key || parse_boolean(value) != false) continue;
        return ParameterFinding{entry.severity, key + " is off: " + std::string(entry.why), "leave it on"};
    }
    return std::nullopt;
}

std::string quote_setting(std::string_view value) {
    std::string text = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') text += c;
        text += c;
    }
    return text += '\'';
}

std::optional<bool> parse_boolean(std::string_view value) {
    const std::string text = lower(value);
    const auto beginning_of = [&text](std::string_view word, std::size_t at_least) {
        return text.size() >= at_least && word.starts_with(text);
    };
    if (text == "1" || beginning_of("on", 2) || beginning_of("true", 1) || beginning_of("yes", 1)) return true;
    if (text == "0" || beginning_of("off", 2) || beginning_of("false", 1) || beginning_of("no", 1)) return false;
    return std::nullopt;
}

}  // namespace pgbosun::postgres
