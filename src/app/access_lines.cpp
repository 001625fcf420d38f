#include "app/access_lines.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

namespace pgbosun::app {
namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::string_view blank = " \t";

constexpr std::array<std::string_view, 5> host_types{"host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"};
constexpr std::array<std::string_view, 14> methods{"trust", "reject", "scram-sha-256", "md5",  "password",
                                                   "gss",   "sspi",   "ident",         "peer", "pam",
                                                   "bsd",   "ldap",   "radius",        "cert"};
constexpr std::string_view since_18 = "oauth";

template <class List>
bool is_one_of(std::string_view word, const List& list) {
    return std::ranges::find(list, word) != list.end();
}

// The fields of a line, quotes and lists as they stand there. None: a quote is not closed.
std::optional<std::vector<std::string>> fields_of(std::string_view line) {
    std::vector<std::string> fields;
    bool in_quotes = false, in_field = false, after_comma = false;
    for (const char letter : line) {
        if (letter == '#' && !in_quotes) break;
        if (blank.find(letter) != blank.npos && !in_quotes) {
            in_field = in_field && after_comma;
            continue;
        }
        if (!std::exchange(in_field, true)) fields.emplace_back();
        if (letter == '"') in_quotes = !in_quotes;
        after_comma = letter == ',' && !in_quotes;
        fields.back() += letter;
    }
    if (in_quotes) return std::nullopt;
    return fields;
}

std::string quoted(std::string_view word) { return "\"" + std::string(word) + "\""; }

std::optional<std::string> problem_of_any_line(std::string_view line) {
    if (line.size() > longest_line) return "the line is longer than 4,096 bytes";
    if (line.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos)
        return "the line holds a line break or a NUL byte";
    if (line.ends_with('\\')) return "the line ends in a backslash, which would join it with the next one";
    const auto first = line.substr(std::min(line.find_first_not_of(blank), line.size()));
    if (first.starts_with("include")) return "files cannot be included";
    if (!fields_of(line)) return "a quote is not closed";
    return std::nullopt;
}

// An address without its mask's length is followed by the mask; a host's name is not.
bool has_mask_of_its_own(std::string_view address) {
    const bool version_4 = address.find_first_not_of("0123456789.") == std::string_view::npos;
    const bool version_6 = address.find(':') != std::string_view::npos;
    return (version_4 || version_6) && address.find('/') == std::string_view::npos;
}

std::optional<std::string> problem_of_method(std::string_view method, std::string_view type) {
    if (!is_one_of(method, methods) && method != since_18) return quoted(method) + " is no authentication method";
    if (method == "gss" && type == "local") return "gss is not for local connections";
    if (method == "peer" && type != "local") return "peer is for local connections only";
    if (method == "cert" && type != "hostssl") return "cert is for hostssl connections only";
    return std::nullopt;
}

std::optional<std::string> problem_of_options(std::span<const std::string> options) {
    for (const auto& option : options) {
        if (option.find('=') == std::string::npos) return quoted(option) + " is no option: name=value";
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> problem_of_hba_line(std::string_view line) {
    if (auto problem = problem_of_any_line(line)) return problem;
    const auto fields = *fields_of(line);
    if (fields.empty()) return std::nullopt;
    const bool local = fields[0] == "local";
    if (!local && !is_one_of(fields[0], host_types)) return quoted(fields[0]) + " is no connection type";
    std::size_t method = local ? 3 : 4;
    if (!local && fields.size() > 3 && has_mask_of_its_own(fields[3])) ++method;
    if (fields.size() <= method) {
        constexpr std::array<std::string_view, 5> names{"a database", "a role", "an address", "its mask", "a method"};
        const std::size_t lacks = fields.size() == method ? 4 : fields.size() - 1;
        return "the line ends before " + std::string(names.at(lacks));
    }
    if (auto problem = problem_of_method(fields[method], fields[0])) return problem;
    return problem_of_options(std::span(fields).subspan(method + 1));
}

std::optional<std::string> problem_of_ident_line(std::string_view line) {
    if (auto problem = problem_of_any_line(line)) return problem;
    const auto fields = *fields_of(line);
    if (fields.empty() || fields.size() >= 3) return std::nullopt;
    return fields.size() == 1 ? "the line ends before the system's user" : "the line ends before the role";
}

}  // namespace pgbosun::app
