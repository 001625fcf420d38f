#include "postgres/tls_files.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace pgbosun::postgres {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

std::map<std::string, std::string> by_lower_name(const Settings& settings) {
    std::map<std::string, std::string> found;
    for (const auto& [name, value] : settings.postgresql.parameters) found[lower(name)] = value;
    return found;
}

}  // namespace

std::vector<std::string> tls_files(const Settings& settings) {
    static constexpr std::array names = {"ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file",
                                         "ssl_dh_params_file"};
    auto parameters = by_lower_name(settings);
    if (parameters.contains("ssl")) {
        parameters.try_emplace("ssl_cert_file", "server.crt");
        parameters.try_emplace("ssl_key_file", "server.key");
    }
    std::vector<std::string> files;
    for (const char* name : names) {
        const auto found = parameters.find(name);
        if (found == parameters.end() || found->second.empty()) continue;
        const std::string& file = found->second;
        files.push_back(file.starts_with('/') ? file : settings.data_directory() + "/" + file);
    }
    return files;
}

// Source: parse_bool() of PostgreSQL, which takes any beginning of a word that is no other's.
bool turn_tls_on(const Settings& settings) {
    const auto parameters = by_lower_name(settings);
    const auto ssl = parameters.find("ssl");
    if (ssl == parameters.end() || ssl->second.empty()) return false;
    const std::string value = lower(ssl->second);
    return value == "1" || value == "on" || std::string_view("true").starts_with(value) ||
           std::string_view("yes").starts_with(value);
}

}  // namespace pgbosun::postgres
