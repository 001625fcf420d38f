#include "object_store/aws_messages.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

namespace pgbosun::object_store {
namespace {

constexpr std::size_t secret_limit = 16 * 1024;

std::unexpected<Fault> nonsense() {
    return fail(FaultKind::corrupt, "the credentials that were handed out cannot be read");
}

bool is_secret(std::string_view text) {
    const auto is_printable = [](char c) { return c > ' ' && c < 0x7f; };
    return !text.empty() && text.size() < secret_limit && std::all_of(text.begin(), text.end(), is_printable);
}

Result<Expiring<Credentials>> checked(Credentials credentials, std::string_view expiration) {
    const auto expires = parse_utc(expiration);
    const bool token = credentials.session_token.empty() || is_secret(credentials.session_token);
    if (!is_secret(credentials.access_key_id) || !is_secret(credentials.secret_access_key) || !token || !expires) {
        return nonsense();
    }
    return Expiring<Credentials>{std::move(credentials), expires};
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

}  // namespace

std::optional<SigningTime> parse_utc(std::string_view text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
    const std::string copy(text.substr(0, 40));
    if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) !=
        6) {
        return std::nullopt;
    }
    std::string_view rest = std::string_view(copy).substr(static_cast<std::size_t>(used));
    if (rest.starts_with('.')) rest = rest.substr(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
    using namespace std::chrono;
    const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day))};
    const bool in_range = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60;
    if (rest != "Z" || month < 0 || day < 0 || !date.ok() || !in_range) return std::nullopt;
    return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

Result<Expiring<Credentials>> parse_metadata_credentials(std::string_view json) {
    const auto document = nlohmann::json::parse(json, nullptr, false);
    if (!document.is_object()) return nonsense();
    const auto text = [&](const char* name) {
        const auto found = document.find(name);
        return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    return checked({text("AccessKeyId"), text("SecretAccessKey"), text("Token")}, text("Expiration"));
}

Result<Expiring<Credentials>> parse_assumed_role(std::string_view xml) {
    pugi::xml_document document;
    const auto loaded =
        document.load_buffer(xml.data(), xml.size(), pugi::parse_minimal | pugi::parse_escapes, pugi::encoding_utf8);
    if (!loaded) return nonsense();
    const auto given = document.child("AssumeRoleWithWebIdentityResponse")
                           .child("AssumeRoleWithWebIdentityResult")
                           .child("Credentials");
    return checked(
        {given.child_value("AccessKeyId"), given.child_value("SecretAccessKey"), given.child_value("SessionToken")},
        given.child_value("Expiration"));
}

std::optional<Credentials> parse_shared_credentials(std::string_view text, std::string_view profile) {
    Credentials credentials;
    bool ours = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
        if (line.starts_with('[') && line.ends_with(']')) {
            ours = trimmed(line.substr(1, line.size() - 2)) == profile;
            continue;
        }
        const std::size_t equals = line.find('=');
        if (!ours || equals == std::string_view::npos) continue;
        const std::string_view name = trimmed(line.substr(0, equals));
        const std::string_view value = trimmed(line.substr(equals + 1));
        if (!is_secret(value)) continue;
        if (name == "aws_access_key_id") credentials.access_key_id = value;
        if (name == "aws_secret_access_key") credentials.secret_access_key = value;
        if (name == "aws_session_token") credentials.session_token = value;
    }
    if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) return std::nullopt;
    return credentials;
}

}  // namespace pgbosun::object_store
