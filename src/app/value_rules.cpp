#include "app/value_rules.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "app/access_lines.hpp"
#include "app/value_text.hpp"
#include "pgbosun/cron_schedule.hpp"
#include "postgres/slot_names.hpp"

namespace pgbosun::app {
namespace {

constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

std::unexpected<Fault> refuse(const std::string& text, std::string_view why, std::string hint) {
    return fail(FaultKind::refused, "\"" + text.substr(0, 200) + "\" " + std::string(why), std::move(hint));
}

template <class... Sets>
bool only(std::string_view text, Sets... sets) {
    return std::ranges::all_of(text, [&](char c) { return (... || (std::string_view(sets).find(c) != sets.npos)); });
}

bool only_printable(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

bool has_dot_parts(std::string_view path) {
    return std::ranges::any_of(split(path, '/'), [](auto part) { return part == "." || part == ".."; });
}

bool is_port(std::string_view text) {
    const auto port = parse_integer(text);
    return port && only(text, digits) && text.size() <= 5 && *port <= 65535;
}

bool is_host(std::string_view host) {
    constexpr std::string_view rest = ".-_";
    if (host.starts_with('[')) {
        constexpr std::string_view address = ":.abcdefABCDEF";
        return host.ends_with(']') && host.size() > 3 && only(host.substr(1, host.size() - 2), address, digits);
    }
    return host == "*" || (!host.empty() && host.size() <= 253 && only(host, lower, upper, digits, rest));
}

// "path" of scheme://bucket/path: may be empty.
bool is_key_prefix(std::string_view path) {
    return only_printable(path) && !has_dot_parts(path) && path.find("//") == path.npos &&
           path.find_first_of("?#") == path.npos;
}

Result<> bucket_and_path(const std::string& text, std::string_view rest) {
    constexpr std::string_view marks = ".-_";
    const auto bucket = rest.substr(0, rest.find('/'));
    const auto path = rest.substr(bucket.size());
    if (bucket.empty() || bucket.size() > 255 || !only(bucket, lower, upper, digits, marks)) {
        return refuse(text, "names no bucket", "write scheme://bucket/path; keys and passwords go into credentials");
    }
    if (!is_key_prefix(path)) return refuse(text, "has an unusable path", "use plain words separated by /");
    return {};
}

}  // namespace

Result<> any_text(const std::string& text) {
    if (text.empty()) return fail(FaultKind::refused, "is empty", "give a value, or remove the line");
    return {};
}

Result<> cluster_name(const std::string& text) {
    constexpr std::string_view dash = "-";
    if (text.empty() || text.size() > 63 || !only(text, lower, digits, dash) || text.front() == '-' ||
        text.back() == '-') {
        return refuse(text, "is not a name", "use 1 to 63 of a-z, 0-9 and -, not - at an end");
    }
    return {};
}

Result<> archive_server_name(const std::string& text) {
    constexpr std::string_view marks = "._-";
    if (text.empty() || text.size() > 255 || !only(text, lower, upper, digits, marks) || text.front() == '-' ||
        text.front() == '.') {
        return refuse(text, "is not a name", "use 1 to 255 letters, digits, ., _ and -, not . or - at the begin");
    }
    return {};
}

Result<> sql_identifier(const std::string& text) {
    if (text.empty() || text.size() > 63) {
        return refuse(text, "is not an SQL identifier", "PostgreSQL takes 1 to 63 bytes");
    }
    if (!only_printable(text)) return refuse(text, "holds a control character", "remove it");
    return {};
}

Result<> slot_prefix(const std::string& text) { return postgres::check_slot_prefix(text); }
Result<> slot_pattern(const std::string& text) { return postgres::check_slot_pattern(text); }

Result<> absolute_path(const std::string& text) {
    if (!text.starts_with('/')) return refuse(text, "is not an absolute path", "begin it with /");
    if (has_dot_parts(text)) return refuse(text, "has a . or .. in it", "write the path without them");
    if (text.size() > 1000 || !only_printable(text))
        return refuse(text, "is not a usable path", "use a shorter, plain one");
    if (text.size() > 1 && text.ends_with('/')) return refuse(text, "ends in /", "remove the last /");
    return {};
}

Result<> user_name(const std::string& text) {
    constexpr std::string_view marks = "_.-$";
    if (text.empty() || text.size() > 32 || !only(text, lower, upper, digits, marks) || text.front() == '-') {
        return refuse(text, "is not a user name", "name a user of the operating system, or give its number");
    }
    return {};
}

Result<> parameter_name(const std::string& text) {
    constexpr std::string_view marks = "_.$";
    if (text.empty() || text.size() > 127 || !only(text, lower, upper, digits, marks)) {
        return refuse(text, "is not a parameter's name", "write it as in postgresql.conf, such as shared_buffers");
    }
    return {};
}

Result<> listen_address(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || !is_host(std::string_view(text).substr(0, colon)) ||
        !is_port(std::string_view(text).substr(colon + 1))) {
        return refuse(text, "is not an address to listen on", "write host:port, such as 0.0.0.0:8008 or [::]:8008");
    }
    return {};
}

Result<> archive_destination(const std::string& text) {
    const auto separator = text.find("://");
    const std::string_view scheme = std::string_view(text).substr(0, separator);
    const auto rest =
        separator == std::string::npos ? std::string_view() : std::string_view(text).substr(separator + 3);
    if (scheme == "file") {
        if (!rest.starts_with('/') || rest == "/")
            return refuse(text, "names no absolute path", "write file:///path, with three slashes");
        return absolute_path(std::string(rest));
    }
    if (scheme == "s3") return bucket_and_path(text, rest);
    if (scheme == "gs") return bucket_and_path(text, rest);
    if (scheme == "azure") {
        const auto slash = rest.find('/');
        if (slash == std::string_view::npos || slash == 0) {
            return refuse(text, "names no account and container", "write azure://account/container/path");
        }
        return bucket_and_path(text, rest.substr(slash + 1));
    }
    return refuse(text, "is not a destination",
                  "write file:///path, s3://bucket/path, azure://account/container/path or gs://bucket/path");
}

Result<> http_url(const std::string& text) {
    std::string_view rest = text;
    if (rest.starts_with("http://")) {
        rest.remove_prefix(7);
    } else if (rest.starts_with("https://")) {
        rest.remove_prefix(8);
    } else {
        return refuse(text, "is not a URL", "begin it with http:// or https://");
    }
    if (rest.find('@') != rest.npos) return fail(FaultKind::refused, "the URL holds a user or password", "remove it");
    const auto authority = rest.substr(0, rest.find('/'));
    const auto colon = authority.ends_with(']') ? authority.npos : authority.rfind(':');
    const auto host = authority.substr(0, colon);
    if (host == "*" || !is_host(host) || (colon != authority.npos && !is_port(authority.substr(colon + 1))) ||
        !is_key_prefix(rest.substr(authority.size()))) {
        return refuse(text, "is not a URL", "write it as http://minio:9000");
    }
    return {};
}

Result<> cron_schedule(const std::string& text) {
    const auto schedule = CronSchedule::parse(text);
    if (!schedule) return std::unexpected(schedule.error());
    return {};
}

Result<> retention_policy(const std::string& text) {
    constexpr auto hint = "write RECOVERY WINDOW OF 30 DAYS (or WEEKS, MONTHS), or REDUNDANCY 3";
    const auto words = split(text, ' ');
    const auto is_count = [](std::string_view word) {
        const auto count = parse_integer(word);
        return count && *count >= 1 && *count <= 9999;
    };
    if (words.size() == 5 && words[0] == "RECOVERY" && words[1] == "WINDOW" && words[2] == "OF" && is_count(words[3])) {
        constexpr std::array<std::string_view, 6> units = {"DAYS", "DAY", "WEEKS", "WEEK", "MONTHS", "MONTH"};
        if (std::ranges::find(units, words[4]) != units.end()) return {};
    }
    if (words.size() == 2 && words[0] == "REDUNDANCY" && is_count(words[1])) return {};
    return refuse(text, "is not a retention policy", hint);
}

Result<> transfer_rate(const std::string& text) {
    std::string_view number = text;
    if (number.ends_with('k') || number.ends_with('M')) number.remove_suffix(1);
    if (number.size() > 7 || number.empty() || !only(number, digits)) {
        return refuse(text, "is not a rate", "write kilobytes a second, or a number with k or M, such as 50M");
    }
    return {};
}

Result<> hba_line(const std::string& text) {
    const auto problem = problem_of_hba_line(text);
    if (!problem) return {};
    return refuse(text, "is no line of pg_hba.conf: " + *problem,
                  "write TYPE DATABASE USER [ADDRESS] METHOD [OPTIONS], such as hostssl all all samenet scram-sha-256");
}

Result<> ident_line(const std::string& text) {
    const auto problem = problem_of_ident_line(text);
    if (!problem) return {};
    return refuse(text, "is no line of pg_ident.conf: " + *problem,
                  "write MAPNAME SYSTEM-USERNAME PG-USERNAME, such as staff alice app");
}

Result<> log_level(const std::string& text) {
    constexpr std::array<std::string_view, 4> levels = {"debug", "info", "warning", "error"};
    if (std::ranges::find(levels, text) == levels.end()) {
        return refuse(text, "is not a level", "write one of debug, info, warning, error");
    }
    return {};
}

Result<> environment_name(const std::string& text) {
    constexpr std::string_view marks = "_";
    if (text.empty() || text.size() > 255 || !only(text, lower, upper, digits, marks)) {
        return fail(FaultKind::refused, "this is not the name of an environment variable",
                    "give the variable's name, never the secret itself");
    }
    return {};
}

}  // namespace pgbosun::app
