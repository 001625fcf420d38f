#include "backup/recovery_settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <sys/un.h>

#include "backup/timestamp.hpp"
#include "pgbosun/lsn.hpp"
#include "pgbosun/restored_copy.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::string_view first_line = "# Recovery, as pgbosun restore was told:\n";
constexpr std::size_t longest_restore_point = 63;  // PostgreSQL: MAXFNAMELEN - 1

constexpr std::string_view commented_out = "# pgbosun restore: ";
constexpr std::array<std::string_view, 4> foreign_places{"data_directory", "hba_file", "ident_file",
                                                         "external_pid_file"};

constexpr std::array<std::string_view, 2> needed_includes{"include", "include_dir"};
constexpr std::string_view blanks = " \t";

std::string_view without_blanks(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text;
}

struct Line {
    std::string name;  // in small letters; empty: it gives no value to anything
    std::string_view rest;
};

Line line_of(std::string_view text) {
    text = without_blanks(text);
    const auto end = std::min(text.find_first_of(" \t=\r\n"), text.size());
    Line line{std::string(text.substr(0, end)), text.substr(end)};
    for (char& letter : line.name) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    return line;
}

// What stands behind a name, as PostgreSQL reads the name of a file: in quotes, or up to a blank or a comment.
std::string value_of(std::string_view rest) {
    rest = without_blanks(rest);
    if (rest.starts_with('=')) rest = without_blanks(rest.substr(1));
    if (!rest.starts_with('\'')) return std::string(rest.substr(0, rest.find_first_of(" \t\r\n#")));
    std::string value;
    for (std::size_t at = 1; at < rest.size(); ++at) {
        const bool quoted = at + 1 < rest.size() && (rest[at] == '\\' || (rest[at] == '\'' && rest[at + 1] == '\''));
        if (quoted) ++at;
        if (!quoted && rest[at] == '\'') break;
        value += rest[at];
    }
    return value;
}

std::string in_quotes(std::string_view value) {
    std::string text = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') text += c;
        if (c == '\n') {
            text += "\\n";
        } else {
            text += c;
        }
    }
    return text + "'";
}

// Of a list of names, in which a comma ends one.
std::string list_element(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += c;
        quoted += c;
    }
    return quoted + "\"";
}

template <class Number>
bool is_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

bool is_timeline(std::string_view text) {
    return text == "latest" || text == "current" || (is_number<std::uint32_t>(text) && text != "0");
}

std::string_view to_text(AtTarget at_target) {
    switch (at_target) {
        case AtTarget::promote: return "promote";
        case AtTarget::pause: return "pause";
        case AtTarget::shutdown: return "shutdown";
    }
    std::unreachable();
}

std::unexpected<Fault> no_target(std::string what, std::string hint) {
    return fail(FaultKind::refused, std::move(what), std::move(hint));
}

Result<> check(const RecoveryTarget& target) {
    const int given = int{target.time.has_value()} + int{target.lsn.has_value()} + int{target.xid.has_value()} +
                      int{target.name.has_value()} + int{target.immediate};
    if (given > 1)
        return no_target("recovery has more than one target", "give one of time, LSN, xid, name or immediate");
    if (target.time && !parse_timestamp(*target.time)) {
        return no_target("\"" + *target.time + "\" is no time", "write it as \"2026-01-30 10:00:00+00\"");
    }
    if (target.lsn && !parse_lsn(*target.lsn)) {
        return no_target("\"" + *target.lsn + "\" is not an LSN", "write it as PostgreSQL does: 0/3000148");
    }
    if (target.xid && !is_number<std::uint64_t>(*target.xid)) {
        return no_target("\"" + *target.xid + "\" is not a transaction id", "give a number");
    }
    if (target.name && (target.name->empty() || target.name->size() > longest_restore_point)) {
        return no_target("a restore point's name has 1 to 63 bytes", "give the name that pg_create_restore_point got");
    }
    if (!is_timeline(target.timeline)) {
        return no_target("\"" + target.timeline + "\" is not a timeline", "give latest, current or a number");
    }
    return {};
}

// PostgreSQL knows no abbreviation of a zone, Z and UTC included, when it reads this one.
std::string time_of(const RecoveryTarget& target) {
    return target.time ? to_timestamp(*parse_timestamp(*target.time)) : std::string();
}

}  // namespace

Result<RecoveryParameters> recovery_parameters(const RecoveryTarget& target, std::string_view restore_command,
                                               AtTarget at_target) {
    if (auto fine = check(target); !fine) return std::unexpected(std::move(fine.error()));
    RecoveryParameters parameters{
        {"restore_command", std::string(restore_command)},
        {"recovery_target_inclusive", target.inclusive == Inclusive::yes ? "on" : "off"},
        {"recovery_target_timeline", target.timeline},
        {"recovery_target_action", std::string(to_text(at_target))},
        {"recovery_end_command", ""},
        {"archive_cleanup_command", ""},
        {"recovery_min_apply_delay", "0"},
        {"primary_conninfo", ""},
        {"primary_slot_name", ""},
    };
    const RecoveryParameters targets{
        {"recovery_target", target.immediate ? "immediate" : ""}, {"recovery_target_time", time_of(target)},
        {"recovery_target_lsn", target.lsn.value_or("")},         {"recovery_target_xid", target.xid.value_or("")},
        {"recovery_target_name", target.name.value_or("")},
    };
    // PostgreSQL takes an empty one behind the one that is used for a second target: "multiple recovery targets".
    const auto is_empty = [](const auto& parameter) { return parameter.second.empty(); };
    std::ranges::copy_if(targets, std::back_inserter(parameters), is_empty);
    std::ranges::remove_copy_if(targets, std::back_inserter(parameters), is_empty);
    return parameters;
}

RecoveryParameters parameters_of_a_copy(const std::string& directory, int port) {
    return {
        {"archive_mode", "off"},
        {"logging_collector", "off"},
        {"log_destination", "stderr"},
        {"listen_addresses", ""},
        {"port", std::to_string(port)},
        {"unix_socket_directories", list_element(socket_directory_of_a_copy(directory))},
        {"synchronous_standby_names", ""},
        // What was raised since the backup (max_connections) would pause replay, and nobody reads before it is over.
        {"hot_standby", "off"},
        {std::string(restored_copy_workers), "0"},
    };
}

std::string socket_directory_of_a_copy(const std::string& directory) {
    constexpr std::string_view longest_name = "/.s.PGSQL.65535";
    return directory.size() + longest_name.size() < sizeof(sockaddr_un::sun_path) ? directory : "/tmp";
}

std::string with_parameters(std::string_view auto_conf, const RecoveryParameters& parameters) {
    std::string text(auto_conf);
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += first_line;
    for (const auto& [name, value] : parameters) text += name + " = " + in_quotes(value) + "\n";
    return text;
}

std::string without_foreign_places(std::string_view conf, const std::function<bool(const std::string&)>& is_there) {
    std::string text;
    while (!conf.empty()) {
        const auto whole = conf.substr(0, std::min(conf.find('\n'), conf.size() - 1) + 1);
        conf.remove_prefix(whole.size());
        const auto line = line_of(whole);
        const bool leads_away = std::ranges::find(foreign_places, line.name) != foreign_places.end();
        const bool includes = std::ranges::find(needed_includes, line.name) != needed_includes.end();
        if (leads_away || (includes && !is_there(value_of(line.rest)))) text += commented_out;
        text += whole;
    }
    return text;
}

std::string shell_word(std::string_view text) {
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'') {
            word += "'\\''";
        } else {
            word += c;
        }
    }
    return word + "'";
}

std::string command_line(const std::vector<std::string>& words) {
    std::string line;
    for (const auto& word : words) {
        std::string escaped;
        for (const char c : word) {
            escaped += c;
            if (c == '%') escaped += c;
        }
        line += (line.empty() ? "" : " ") + shell_word(escaped);
    }
    return line + " %f \"%p\"";
}

}  // namespace pgbosun::backup
