#include "http/routes.hpp"

#include <algorithm>
#include <optional>

namespace pgbosun::http {
namespace {

// HAProxy's older configurations ask with OPTIONS, the newer with HEAD; all three are answered alike.
constexpr MethodSet check{Method::get, Method::head, Method::options};
constexpr MethodSet read{Method::get, Method::head};
constexpr MethodSet act{Method::post};

constexpr Route probe_at(std::string_view path, Probe probe) { return {path, check, probe, Access::open}; }
constexpr Route role_at(std::string_view path, RoleCheck role) { return {path, check, role, Access::open}; }
constexpr Route document_at(std::string_view path, Document document) { return {path, read, document, Access::open}; }
constexpr Route job_at(std::string_view path, MethodSet methods, JobVerb verb) {
    return {path, methods, verb, Access::control};
}
constexpr Route command_at(std::string_view path, Verb verb) { return {path, act, verb, Access::control}; }

constexpr auto table = std::to_array<Route>({
    document_at("/v1/status", Document::status),
    probe_at("/livez", Probe::live),
    probe_at("/healthz", Probe::live),
    probe_at("/liveness", Probe::live),
    probe_at("/startupz", Probe::started),
    probe_at("/readyz", Probe::ready),
    probe_at("/readiness", Probe::ready),
    role_at("/", RoleCheck::primary),
    role_at("/primary", RoleCheck::primary),
    role_at("/master", RoleCheck::primary),
    role_at("/leader", RoleCheck::primary),
    role_at("/read-write", RoleCheck::primary),
    role_at("/standby-leader", RoleCheck::standby_leader),
    role_at("/standby_leader", RoleCheck::standby_leader),
    role_at("/replica", RoleCheck::standby),
    role_at("/standby", RoleCheck::standby),
    role_at("/read-only", RoleCheck::read_only),
    role_at("/synchronous", RoleCheck::synchronous),
    role_at("/sync", RoleCheck::synchronous),
    role_at("/quorum", RoleCheck::synchronous),
    role_at("/read-only-sync", RoleCheck::read_only_synchronous),
    role_at("/read-only-synchronous", RoleCheck::read_only_synchronous),
    role_at("/read-only-quorum", RoleCheck::read_only_synchronous),
    role_at("/asynchronous", RoleCheck::asynchronous),
    role_at("/async", RoleCheck::asynchronous),
    role_at("/health", RoleCheck::health),
    document_at("/patroni", Document::patroni),
    document_at("/metrics", Document::metrics),
    document_at("/v1/events", Document::events),
    document_at("/v1/journal", Document::journal),
    document_at("/v1/backups", Document::backups),
    document_at("/v1/backups/{id}", Document::backup),
    job_at("/v1/backups", act, JobVerb::start_backup),
    job_at("/v1/backups/{id}", MethodSet{Method::delete_}, JobVerb::remove_backup),
    job_at("/v1/drill", act, JobVerb::start_drill),
    command_at("/v1/fence", Verb::fence),
    command_at("/v1/unfence", Verb::unfence),
    command_at("/v1/restart", Verb::restart),
    command_at("/v1/reload", Verb::reload),
    command_at("/v1/checkpoint", Verb::checkpoint),
    command_at("/v1/promote", Verb::promote),
    command_at("/v1/demote", Verb::demote),
    command_at("/v1/reclone", Verb::reclone),
    {"/v1/assignment", MethodSet{Method::put}, RightVerb::assign, Access::control},
    {"/v1/promise", act, RightVerb::promise, Access::control},
});

constexpr std::size_t longest_parameter = 200;

// The part of a route's path before its parameter; the whole of it when there is none.
constexpr std::string_view fixed_part(const Route& route) { return route.path.substr(0, route.path.find('{')); }

bool matches(const Route& route, std::string_view path) {
    const auto fixed = fixed_part(route);
    if (fixed.size() == route.path.size()) return path == fixed;
    const auto rest = path.substr(std::min(fixed.size(), path.size()));
    return path.starts_with(fixed) && !rest.empty() && rest.size() <= longest_parameter &&
           rest.find('/') == std::string_view::npos;
}

}  // namespace

std::string to_string(MethodSet methods) {
    std::string text;
    for (const Method method :
         {Method::get, Method::head, Method::options, Method::post, Method::put, Method::patch, Method::delete_}) {
        if (!methods.has(method)) continue;
        if (!text.empty()) text.append(", ");
        text.append(to_string(method));
    }
    return text;
}

std::span<const Route> routes() { return table; }

std::variant<const Route*, WrongMethod, UnknownPath> find_route(Method method, std::string_view path) {
    std::optional<MethodSet> allowed;
    for (const Route& route : table) {
        if (!matches(route, path)) continue;
        if (route.methods.has(method)) return &route;
        allowed = allowed ? *allowed | route.methods : route.methods;
    }
    if (allowed) return WrongMethod{*allowed};
    return UnknownPath{};
}

std::string_view parameter_of(const Route& route, std::string_view path) {
    return path.substr(std::min(fixed_part(route).size(), path.size()));
}

}  // namespace pgbosun::http
