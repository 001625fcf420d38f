#include "object_store/destination.hpp"

#include <algorithm>
#include <charconv>

namespace pgbosun::object_store {
namespace {

constexpr std::size_t key_limit = 1000;   // S3: 1,024 with the prefix
constexpr std::size_t path_limit = 3000;  // PATH_MAX less the longest key
constexpr std::string_view destinations_hint =
    "archive.destination: file:///var/lib/postgresql/archive, s3://bucket/path, azure://account/container/path or "
    "gs://bucket/path";
constexpr std::string_view endpoint_hint = "archive.endpoint_url: https://s3.example.com or http://minio:9000";

std::unexpected<Fault> bad_destination(std::string_view url, std::string_view why) {
    return fail(FaultKind::refused, "archive.destination \"" + std::string(url) + "\": " + std::string(why),
                std::string(destinations_hint));
}

// Never the text itself: it may hold a password.
std::unexpected<Fault> bad_endpoint(std::string_view why) {
    return fail(FaultKind::refused, "archive.endpoint_url: " + std::string(why), std::string(endpoint_hint));
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

std::string_view path_problem(std::string_view path) {
    if (path.size() > path_limit) return "the path is too long";
    if (std::any_of(path.begin(), path.end(), is_control)) return "control characters are not allowed";
    for (std::size_t at = 0; at <= path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        if (part == "." || part == "..") return "\".\" and \"..\" are not allowed";
        if (part.empty() && end < path.size() && at > 0) return "\"//\" is not allowed";
        at = end + 1;
    }
    return "";
}

Result<Destination> directory(std::string_view url, std::string_view rest) {
    if (!rest.starts_with('/')) return bad_destination(url, "the path must be absolute, after three slashes");
    if (const auto problem = path_problem(rest); !problem.empty()) return bad_destination(url, problem);
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.empty()) return bad_destination(url, "the root directory is no archive");
    return DirectoryDestination{std::string(rest)};
}

// Amazon S3 user guide, "General purpose bucket naming rules"; '_' and upper case are what older stores allow.
bool is_bucket(std::string_view name) {
    const auto fits = [](char c) {
        return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
    };
    return name.size() >= 3 && name.size() <= 63 && std::all_of(name.begin(), name.end(), fits) &&
           name.front() != '.' && name.front() != '-' && name.find("..") == std::string_view::npos;
}

Result<S3Destination> bucket_and_path(std::string_view url, std::string_view rest, std::string_view what) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view bucket = rest.substr(0, slash);
    std::string_view path = rest.substr(std::min(slash + 1, rest.size()));
    if (!is_bucket(bucket)) return bad_destination(url, "this is no " + std::string(what) + " name");
    if (path.find_first_of("?#") != std::string_view::npos)
        return bad_destination(url, "\"?\" and \"#\" are not allowed");
    if (path.starts_with('/')) return bad_destination(url, "\"//\" is not allowed");
    if (path.size() > key_limit / 2) return bad_destination(url, "the path is too long");
    if (const auto problem = path_problem(path); !problem.empty()) return bad_destination(url, problem);
    if (path.ends_with('/')) path.remove_suffix(1);
    return S3Destination{std::string(bucket), path.empty() ? "" : std::string(path) + '/'};
}

// Azure documentation, "Storage account overview": 3 to 24 lower case letters and digits.
bool is_account(std::string_view name) {
    return name.size() >= 3 && name.size() <= 24 && std::all_of(name.begin(), name.end(), is_lower_or_digit);
}

Result<Destination> azure(std::string_view url, std::string_view rest) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    if (!is_account(rest.substr(0, slash))) return bad_destination(url, "this is no account name");
    auto within = bucket_and_path(url, rest.substr(std::min(slash + 1, rest.size())), "container");
    if (!within) return std::unexpected(std::move(within).error());
    return AzureDestination{std::string(rest.substr(0, slash)), std::move(within->bucket), std::move(within->prefix)};
}

bool is_host(std::string_view host) {
    const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 4;
    const auto fits = [&](char c) {
        return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
               (bracketed && (c == ':' || c == '[' || c == ']'));
    };
    return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), fits);
}

Result<std::string> host_and_port(std::string_view authority, int default_port) {
    const std::size_t colon = authority.ends_with(']') ? std::string_view::npos : authority.rfind(':');
    const std::string_view host = authority.substr(0, colon);
    if (!is_host(host)) return bad_endpoint("this is no host name");
    if (colon == std::string_view::npos) return std::string(host);
    const std::string_view digits = authority.substr(colon + 1);
    int port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port < 1 || port > 65535) {
        return bad_endpoint("the port must be from 1 to 65535");
    }
    return port == default_port ? std::string(host) : std::string(host) + ':' + std::to_string(port);
}

}  // namespace

Result<Destination> parse_destination(std::string_view url) {
    const std::size_t colon = url.find("://");
    if (colon == std::string_view::npos) return bad_destination(url, "this is no URL");
    const std::string_view scheme = url.substr(0, colon);
    const std::string_view rest = url.substr(colon + 3);
    if (scheme == "file") return directory(url, rest);
    if (scheme == "azure") return azure(url, rest);
    if (scheme != "s3" && scheme != "gs") return bad_destination(url, "unknown scheme");
    auto place = bucket_and_path(url, rest, "bucket");
    if (!place) return std::unexpected(std::move(place).error());
    if (scheme == "gs") return GcsDestination{std::move(place->bucket), std::move(place->prefix)};
    return *std::move(place);
}

Result<Endpoint> parse_endpoint(std::string_view url) {
    const bool secure = url.starts_with("https://");
    if (!secure && !url.starts_with("http://")) return bad_endpoint("it must begin with http:// or https://");
    const std::string_view rest = url.substr(secure ? 8 : 7);
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view authority = rest.substr(0, slash);
    std::string_view path = rest.substr(slash);
    if (authority.find('@') != std::string_view::npos) return bad_endpoint("no user or password is allowed in it");
    if (path.find_first_of("?#") != std::string_view::npos) return bad_endpoint("no query is allowed in it");
    if (const auto problem = path_problem(path); !problem.empty()) return bad_endpoint(problem);
    if (path.ends_with('/')) path.remove_suffix(1);
    auto host = host_and_port(authority, secure ? 443 : 80);
    if (!host) return std::unexpected(std::move(host).error());
    return Endpoint{secure ? "https" : "http", *std::move(host), std::string(path)};
}

Result<> check_key(std::string_view key) {
    const auto bad = [&](std::string_view why) {
        return fail(FaultKind::refused, "key \"" + std::string(key.substr(0, key_limit)) + "\": " + std::string(why));
    };
    if (key.empty() || key.size() > key_limit) return bad("it must have 1 to 1,000 bytes");
    if (key.starts_with('/') || key.ends_with('/')) return bad("it may not begin or end with \"/\"");
    if (const auto problem = path_problem(key); !problem.empty()) return bad(problem);
    return {};
}

}  // namespace pgbosun::object_store
