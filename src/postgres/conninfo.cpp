#include "postgres/conninfo.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

namespace pgbosun::postgres {
namespace {

constexpr std::size_t longest_conninfo = 4096;
constexpr std::array secrets{"password", "sslpassword", "oauth_client_secret"};

struct FreeOptions {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

bool secret(std::string_view keyword) {
    for (const std::string_view name : secrets)
        if (name == keyword) return true;
    return false;
}

std::vector<std::string> parts_of(std::string_view list) {
    std::vector<std::string> parts;
    for (;;) {
        const auto comma = list.find(',');
        parts.emplace_back(list.substr(0, comma));
        if (comma == std::string_view::npos) return parts;
        list.remove_prefix(comma + 1);
    }
}

bool printable(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
    return true;
}

}  // namespace

Result<Conninfo> parse_conninfo(std::string_view text) {
    if (text.size() > longest_conninfo || !printable(text))
        return fail(FaultKind::refused, "the connection string is too long or holds a control character");

    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(std::string(text).c_str(), &message));
    // libpq quotes the text in its message, a password among it.
    PQfreemem(message);
    if (!options)
        return fail(FaultKind::refused, "libpq does not understand the connection string",
                    "write it as \"host=pg-1 port=5432 user=streaming_replica\"; quote values with spaces as 'a b'");

    Conninfo given;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr) continue;
        if (secret(option->keyword))
            return fail(FaultKind::refused, std::string("the connection string holds ") + option->keyword,
                        "put the secret into a file and name that file in password_file");
        given.emplace(option->keyword, option->val);
    }
    return given;
}

Conninfo with_upstream_defaults(Conninfo conninfo, const UpstreamDefaults& defaults) {
    conninfo.emplace("user", defaults.user);
    if (!defaults.application_name.empty()) conninfo.emplace("application_name", defaults.application_name);
    if (!defaults.passfile.empty()) conninfo.emplace("passfile", defaults.passfile);
    conninfo.emplace("connect_timeout", "5");
    conninfo.emplace("tcp_user_timeout", "5000");
    conninfo.emplace("keepalives_idle", "5");
    conninfo.emplace("keepalives_interval", "2");
    conninfo.emplace("keepalives_count", "3");
    return conninfo;
}

Result<std::vector<Conninfo>> each_host(const Conninfo& conninfo) {
    const auto list = [&](const char* keyword) {
        const auto found = conninfo.find(keyword);
        return found == conninfo.end() ? std::vector<std::string>() : parts_of(found->second);
    };
    const auto hosts = list("host"), addresses = list("hostaddr"), ports = list("port");
    const std::size_t count = std::max<std::size_t>({1, hosts.size(), addresses.size()});
    const bool together = (hosts.empty() || addresses.empty() || hosts.size() == addresses.size()) &&
                          (ports.size() <= 1 || ports.size() == count);
    if (!together) {
        return fail(FaultKind::refused, "the connection string has other numbers of hosts, addresses and ports",
                    "give a port for each host, or one for all");
    }
    std::vector<Conninfo> each(count, conninfo);
    for (std::size_t at = 0; at < count; ++at) {
        const auto set = [&](const char* keyword, const std::vector<std::string>& values) {
            if (values.empty()) return;
            const std::string& value = values.size() == 1 ? values.front() : values[at];
            // An empty one stands for the default.
            value.empty() ? void(each[at].erase(keyword)) : void(each[at][keyword] = value);
        };
        set("host", hosts);
        set("hostaddr", addresses);
        set("port", ports);
    }
    return each;
}

std::string render_conninfo(const Conninfo& conninfo) {
    std::string text;
    for (const auto& [keyword, value] : conninfo) {
        if (!text.empty()) text += ' ';
        text.append(keyword).append("='");
        for (const char c : value) {
            if (c == '\'' || c == '\\') text += '\\';
            text += c;
        }
        text += '\'';
    }
    return text;
}

Result<std::string> passfile_line(std::string_view user, std::string_view password) {
    if (password.empty() || password.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos)
        return fail(FaultKind::refused, "the password is empty or has more than one line",
                    "the file must hold the password alone, on one line");
    std::string line = "*:*:*:";
    const auto append = [&line](std::string_view text) {
        for (const char c : text) {
            if (c == ':' || c == '\\') line += '\\';
            line += c;
        }
    };
    append(user);
    line += ':';
    append(password);
    line += '\n';
    return line;
}

}  // namespace pgbosun::postgres
