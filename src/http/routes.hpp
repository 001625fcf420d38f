#pragma once
// Every path of the API, once. docs/openapi.yaml is held against this table by a test.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "http/message.hpp"
#include "http/role_checks.hpp"
#include "pgbosun/instance_control.hpp"

namespace pgbosun::http {

enum class Access { open, control };
enum class Probe { live, started, ready };
enum class Document { patroni, metrics, status, events, journal, backups, backup };

// What a path is about; each has one way to be answered.
using Endpoint = std::variant<Probe, RoleCheck, Document, Verb, JobVerb, RightVerb>;

class MethodSet {
public:
    constexpr MethodSet(std::initializer_list<Method> methods) {
        for (const Method method : methods) bits_ |= bit(method);
    }
    [[nodiscard]] constexpr bool has(Method method) const { return (bits_ & bit(method)) != 0; }
    constexpr MethodSet operator|(MethodSet other) const {
        MethodSet both{};
        both.bits_ = bits_ | other.bits_;
        return both;
    }

private:
    static constexpr unsigned bit(Method method) { return 1U << static_cast<unsigned>(method); }
    unsigned bits_ = 0;
};
// As in the Allow field: "GET, HEAD".
std::string to_string(MethodSet methods);

struct Route {
    std::string_view path;  // may end in a parameter: "/v1/backups/{id}" takes any last part
    MethodSet methods;
    Endpoint endpoint;
    Access access;
};

std::span<const Route> routes();

struct UnknownPath {};
struct WrongMethod {
    MethodSet allowed;
};
std::variant<const Route*, WrongMethod, UnknownPath> find_route(Method method, std::string_view path);
// What stands in place of the route's parameter.
std::string_view parameter_of(const Route& route, std::string_view path);

}  // namespace pgbosun::http
