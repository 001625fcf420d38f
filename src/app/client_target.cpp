#include "app/client_target.hpp"

#include <algorithm>

#include "app/configuration.hpp"
#include "app/value_rules.hpp"
#include "app/yaml_document.hpp"

namespace pgbosun::app {
namespace {

Result<ClientTarget> url_target(const Whereabouts& where, const Outside& outside) {
    UrlTarget target{*where.url, "", where.ca_file.value_or(""), where.cert_file.value_or(""),
                     where.key_file.value_or("")};
    while (target.url.ends_with('/')) target.url.pop_back();
    if (auto good = http_url(target.url); !good) return std::unexpected(std::move(good).error().in("--url"));
    if (!where.token_file) return target;
    auto token = outside.read(*where.token_file, longest_token);
    if (!token) return std::unexpected(std::move(token).error().in("--token-file"));
    while (token->ends_with('\n') || token->ends_with('\r') || token->ends_with(' ')) token->pop_back();
    const auto usable = std::ranges::all_of(*token, [](char c) { return c > ' ' && c < 0x7f; });
    if (token->empty() || !usable) {
        return fail(FaultKind::refused, "--token-file: " + *where.token_file + " holds no token",
                    "put one line of printable characters there");
    }
    target.token = std::move(*token);
    return target;
}

Result<ClientTarget> configured_target(const std::string& file, const EnvironmentView& environment,
                                       const Outside& outside) {
    const auto text = outside.read(file, longest_document);
    if (!text) {
        auto fault = text.error();
        fault.kind = FaultKind::refused;
        return std::unexpected(std::move(fault).in("the configuration"));
    }
    return SocketTarget{read_settings(*text, file, environment).settings.control_socket()};
}

}  // namespace

std::string describe(const ClientTarget& target) {
    if (const auto* socket = std::get_if<SocketTarget>(&target)) return socket->path;
    return std::get<UrlTarget>(target).url;
}

Result<ClientTarget> choose_target(const Whereabouts& where, const EnvironmentView& environment,
                                   const Outside& outside) {
    if (where.url) return url_target(where, outside);
    if (where.socket) return SocketTarget{*where.socket};
    if (const auto named = environment.variable("PGBOSUN_SOCKET"); named && !named->empty())
        return SocketTarget{*named};
    if (const auto file = configuration_file(where.config, environment)) {
        return configured_target(*file, environment, outside);
    }
    const std::string here = environment.working_directory + "/pgbosun-data/run/control.sock";
    const std::string usual = "/run/pgbosun/control.sock";
    for (const auto& path : {here, usual}) {
        if (outside.inspect(path)) return SocketTarget{path};
    }
    return fail(FaultKind::not_found, "no instance runs here: there is neither " + here + " nor " + usual,
                "start one with \"pgbosun run\", or name its socket with --socket, its address with --url, or its "
                "configuration with --config");
}

}  // namespace pgbosun::app
