#include "postgres/data_directory.hpp"

#include <algorithm>
#include <charconv>

namespace pgbosun::postgres {
namespace {

bool holds(const DataDirectoryFacts& facts, std::string_view name) {
    return std::find(facts.entries.begin(), facts.entries.end(), name) != facts.entries.end();
}

bool empty(const DataDirectoryFacts& facts) {
    return std::all_of(facts.entries.begin(), facts.entries.end(),
                       [](const std::string& name) { return name == "lost+found"; });
}

std::optional<Refused> refuse_place(const DataDirectoryFacts& facts) {
    if (facts.directory->type == FileType::directory) {
        if (facts.directory->owner == facts.our_uid) return std::nullopt;
        return Refused{"the data directory belongs to uid " + std::to_string(facts.directory->owner) +
                           ", and this process runs as uid " + std::to_string(facts.our_uid),
                       "change its owner with all that is below it (chown -R), or run as that user"};
    }
    return Refused{"the data directory is not a directory",
                   "remove what is at its path, or let volume name another place"};
}

std::optional<Refused> refuse_version(const DataDirectoryFacts& facts, int server_major) {
    if (!facts.version_text)
        return Refused{"the data directory is not empty and has no PG_VERSION: it holds somebody else's files",
                       "let volume name an empty directory, or move these files away; nothing was touched"};
    const auto major = parse_pg_version(*facts.version_text);
    if (!major)
        return Refused{"PG_VERSION in the data directory does not hold a version",
                       "restore the data directory from a backup or clone it again"};
    if (*major == server_major) return std::nullopt;
    return Refused{
        "the data directory is of PostgreSQL " + std::to_string(*major) + ", the server is of " +
            std::to_string(server_major),
        *major < server_major
            ? "use the image of PostgreSQL " + std::to_string(*major) + ", or upgrade the data with pg_upgrade"
            : "use the image of PostgreSQL " + std::to_string(*major) + ": data cannot go back to an older version"};
}

std::optional<Refused> refuse_control(const DataDirectoryFacts& facts, int server_major) {
    if (!facts.control)
        return Refused{facts.control.error().what, facts.control.error().hint.empty()
                                                       ? "restore the data directory from a backup or clone it again"
                                                       : facts.control.error().hint};
    if (facts.control->control_version == control_version_of(server_major)) return std::nullopt;
    return Refused{"pg_control has version " + std::to_string(facts.control->control_version) +
                       ", but PG_VERSION says " + std::to_string(server_major),
                   "the data directory is damaged or mixed from two: restore it from a backup"};
}

// Group bits without write are PostgreSQL's group access (initdb -g); a volume's fsGroup adds more than that.
std::optional<std::uint32_t> mode_to_set(std::uint32_t mode) {
    const std::uint32_t permissions = mode & 0777U;
    if (permissions == 0700U || permissions == 0750U) return std::nullopt;
    return 0700U;
}

}  // namespace

std::optional<int> parse_pg_version(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    int major = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), major);
    if (error != std::errc{} || major < 1 || major > 999) return std::nullopt;
    const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (rest.empty()) return major;
    const bool minor = rest.size() >= 2 && rest.size() <= 4 && rest.front() == '.' &&
                       rest.find_first_not_of("0123456789", 1) == std::string_view::npos;
    return minor && major < 10 ? std::optional(major) : std::nullopt;
}

DataDirectoryVerdict judge(const DataDirectoryFacts& facts, int server_major) {
    if (!facts.directory) return Empty{};
    if (auto refused = refuse_place(facts)) return *std::move(refused);
    if (empty(facts)) return Empty{};
    if (facts.marker == BootstrapMarker::present) return Unfinished{};
    if (auto refused = refuse_version(facts, server_major)) return *std::move(refused);
    if (auto refused = refuse_control(facts, server_major)) return *std::move(refused);

    Usable usable{.control = *facts.control, .mode_to_set = mode_to_set(facts.directory->mode)};
    // PostgreSQL's own order: standby.signal wins.
    if (holds(facts, "standby.signal"))
        usable.start = StartMode::standby;
    else if (holds(facts, "recovery.signal"))
        usable.start = StartMode::recovery;
    usable.backup_label = holds(facts, "backup_label");
    return usable;
}

}  // namespace pgbosun::postgres
