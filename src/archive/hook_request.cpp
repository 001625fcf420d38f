#include "archive/hook_request.hpp"

#include <algorithm>
#include <vector>

#include "pgbosun/hook_protocol.hpp"

namespace pgbosun::archive {
namespace {

constexpr std::size_t most_fields = 3;

std::unexpected<Fault> not_understood(std::string why) {
    return fail(FaultKind::refused, "not a request of pgbosun-wal: " + std::move(why),
                "pgbosun-wal and pgbosun must be of the same release");
}

Result<std::vector<std::string_view>> split(std::string_view bytes) {
    std::vector<std::string_view> fields;
    while (!bytes.empty()) {
        const auto end = bytes.find('\0');
        if (end == std::string_view::npos) return not_understood("a field does not end");
        if (fields.size() == most_fields) return not_understood("too many fields");
        fields.push_back(bytes.substr(0, end));
        bytes.remove_prefix(end + 1);
    }
    return fields;
}

Result<wal::ArchiveName> name_in(std::string_view text) {
    if (const auto name = wal::parse_archive_name(text)) return *name;
    return fail(FaultKind::refused, "\"" + std::string(text.substr(0, 200)) + "\" is not the name of a WAL file");
}

}  // namespace

Result<HookRequest> parse_hook_request(std::string_view bytes) {
    constexpr std::string_view magic(hook::magic);
    if (bytes.size() > hook::longest_request) return not_understood("too long");
    if (!bytes.starts_with(magic)) return not_understood("it begins otherwise");
    const auto fields = split(bytes.substr(magic.size()));
    if (!fields) return std::unexpected(fields.error());
    const bool archive = fields->size() == 2 && fields->front() == "archive";
    const bool restore = fields->size() == 3 && fields->front() == "restore";
    if (!archive && !restore) return not_understood("unknown verb or wrong number of fields");
    const auto path = fields->back();
    if (!path.starts_with('/')) return fail(FaultKind::refused, "the path is not absolute");
    const auto name = name_in(archive ? path.substr(path.rfind('/') + 1) : (*fields)[1]);
    if (!name) return std::unexpected(name.error());
    if (archive) return ArchiveRequest{*name, std::string(path)};
    return RestoreRequest{*name, std::string(path)};
}

std::string render(const HookAnswer& answer) {
    std::string text = answer.text.substr(0, hook::longest_text);
    std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7F; }, ' ');
    // Not in the middle of a UTF-8 character.
    if (text.size() < answer.text.size()) {
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
        if (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80) != 0) text.pop_back();
    }
    return answer.status + text;
}

}  // namespace pgbosun::archive
