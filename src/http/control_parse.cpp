// The body of a control request, as people and the client send it.
#include <nlohmann/json.hpp>

#include "http/request_body.hpp"
#include "http/wire.hpp"
#include "http/wrong_request.hpp"

namespace pgbosun::http {
namespace {

using Json = nlohmann::ordered_json;

Result<> read_upstream(const std::string& name, const Json& value, std::string& into) {
    auto read = read_line(name, value, max_upstream_bytes, into);
    if (read && into.empty()) {
        return wrong_field(name, "is empty",
                           "write it as \"host=pg-2 port=5432\", or leave it out to follow the configured one");
    }
    return read;
}

std::unexpected<Fault> unknown_to(Verb verb, const std::string& name) {
    const std::string where = "to " + std::string(to_string(verb));
    if (verb == Verb::demote) return unknown_field(name, where, {"reason", "upstream", "force"});
    if (verb == Verb::promote) return unknown_field(name, where, {"reason", "force"});
    return unknown_field(name, where, {"reason"});
}

Result<> read_field(const std::string& name, const Json& value, ControlRequest& request) {
    if (name == "reason") return read_line(name, value, max_reason_bytes, request.reason);
    if (name == "upstream" && request.verb == Verb::demote) return read_upstream(name, value, request.upstream);
    if (name == "force" && (request.verb == Verb::promote || request.verb == Verb::demote)) {
        if (!value.is_boolean()) return wrong_field(name, "must be true or false", "write it without quotation marks");
        request.force = value.get<bool>();
        return {};
    }
    return unknown_to(request.verb, name);
}

}  // namespace

Result<ControlRequest> parse_control(Verb verb, std::string_view body) {
    ControlRequest request;
    request.verb = verb;
    if (body.empty()) return request;
    const auto json = parse_body(body, R"({"reason": "disk swap"})");
    if (!json) return std::unexpected(json.error());
    for (const auto& [name, value] : json->items()) {
        if (auto read = read_field(name, value, request); !read) return std::unexpected(read.error());
    }
    return request;
}

}  // namespace pgbosun::http
