#include "http/wrong_request.hpp"

#include <utility>

namespace pgbosun::http {
namespace {

constexpr std::size_t longest_repeated = 100;

std::string joined(std::initializer_list<std::string_view> names) {
    std::string text;
    for (const auto name : names) text.append(text.empty() ? "" : ", ").append(name);
    return text;
}

Problem wrong_parameter(std::string_view name, std::string_view wanted, std::string hint) {
    std::string detail = "query parameter \"" + std::string(name.substr(0, longest_repeated)) + "\": ";
    return {400, detail.append(wanted), std::move(hint), {}};
}

}  // namespace

Problem wrong_method(const std::string& allowed) {
    return {405, "this path takes " + allowed + " only", "ask with " + allowed, "Allow: " + allowed + "\r\n"};
}

Problem bad_parameter(std::string_view name, std::string_view wanted, std::string_view example) {
    return wrong_parameter(name, wanted, "write it as ?" + std::string(name) + "=" + std::string(example));
}

std::optional<Problem> unknown_parameter(const Query& query, std::initializer_list<std::string_view> known) {
    const auto name = query.stranger(known);
    if (!name) return std::nullopt;
    const std::string taken = known.size() == 0 ? "this path takes none" : "this path takes " + joined(known);
    return wrong_parameter(*name, "is not known here", "leave it out; " + taken);
}

WaitGiven read_wait(const Query& query) {
    const auto text = query.value("wait");
    if (!text) return {};
    const auto wait = parse_duration(*text);
    if (!wait) return {{}, bad_parameter("wait", "must be a time such as 30s (ms, s, m)", "30s")};
    if (*wait > max_wait) return {{}, bad_parameter("wait", "must be 300s at most", "300s")};
    return {*wait, {}};
}

std::unexpected<Fault> wrong_field(std::string_view name, std::string_view wanted, std::string hint) {
    std::string what = "field \"" + std::string(name.substr(0, longest_repeated)) + "\": ";
    return fail(FaultKind::refused, what.append(wanted), std::move(hint));
}

std::unexpected<Fault> unknown_field(std::string_view name, std::string_view where,
                                     std::initializer_list<std::string_view> known) {
    const std::string taken = known.size() == 0 ? "it takes none" : "it takes " + joined(known);
    return wrong_field(name, "is not known " + std::string(where), "leave it out; " + taken);
}

}  // namespace pgbosun::http
