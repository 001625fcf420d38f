#include "postgres/conninfo.hpp"

#include <libpq-fe.h>

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
