#include "object_store/azure_messages.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <pugixml.hpp>

namespace pgbosun::object_store {
namespace {

constexpr std::size_t page_limit = 5000;  // Azure's own; 1,000 are asked for
constexpr std::size_t token_limit = 8192;

std::unexpected<Fault> damaged(std::string_view why) {
    return fail(FaultKind::corrupt, "the store's listing: " + std::string(why));
}

std::optional<std::uint64_t> size_of(std::string_view digits) {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return size;
}

// "Sat, 21 Nov 2026 10:00:00 GMT"
std::optional<WallTime> parse_http_date(const char* text) {
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int day = 0, year = 0, hour = 0, minute = 0, second = 0;
    std::array<char, 4> name{};
    if (std::sscanf(text, "%*3c, %2d %3c %4d %2d:%2d:%2d GMT", &day, name.data(), &year, &hour, &minute, &second) !=
        6) {
        return std::nullopt;
    }
    const auto month = months.find(name.data());
    using namespace std::chrono;
    const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                              std::chrono::day(static_cast<unsigned>(day))};
    if (month % 3 != 0 || day < 0 || !date.ok()) return std::nullopt;
    return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

}  // namespace

Result<S3Page> parse_blob_listing(std::string_view body) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    if (body.starts_with(mark)) body.remove_prefix(mark.size());
    pugi::xml_document document;
    if (!document.load_buffer(body.data(), body.size(), pugi::parse_minimal | pugi::parse_escapes,
                              pugi::encoding_utf8)) {
        return damaged("not XML");
    }
    const auto result = document.child("EnumerationResults");
    if (!result) return damaged("not EnumerationResults");
    S3Page page;
    for (const auto& node : result.child("Blobs").children("Blob")) {
        std::string key = node.child_value("Name");
        const auto size = size_of(node.child("Properties").child_value("Content-Length"));
        if (key.empty() || !size) return damaged("a blob without name or size");
        page.objects.push_back({.key = std::move(key),
                                .size = *size,
                                .metadata = {},
                                .modified = parse_http_date(node.child("Properties").child_value("Last-Modified"))});
    }
    for (const auto& node : result.child("Blobs").children("BlobPrefix")) {
        std::string prefix = node.child_value("Name");
        if (prefix.empty()) return damaged("a prefix that cannot be read");
        page.prefixes.push_back(std::move(prefix));
    }
    if (page.objects.size() + page.prefixes.size() > page_limit) return damaged("more entries than were asked for");
    page.token = std::string_view(result.child_value("NextMarker")).substr(0, token_limit);
    page.more = page.token.empty() ? S3Page::More::no : S3Page::More::yes;
    return page;
}

std::string block_list(const std::vector<std::string>& ids) {
    std::string xml = R"(<?xml version="1.0" encoding="utf-8"?><BlockList>)";
    for (const auto& id : ids) xml += "<Latest>" + id + "</Latest>";
    return xml + "</BlockList>";
}

Result<ConnectionString> parse_connection_string(std::string_view text) {
    ConnectionString found;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(';'), text.size());
        const std::string_view part = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = std::min(part.find('='), part.size());
        const std::string_view name = part.substr(0, equals);
        const std::string_view value = part.substr(std::min(equals + 1, part.size()));
        if (name == "AccountKey") found.account_key = value;
        if (name == "SharedAccessSignature") found.sas = value;
    }
    if (!found.account_key.empty() || !found.sas.empty()) return found;
    return fail(FaultKind::refused, "the connection string has neither AccountKey nor SharedAccessSignature");
}

}  // namespace pgbosun::object_store
