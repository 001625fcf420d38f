#include <algorithm>
#include <array>
#include <cctype>

#include "backup/file_list.hpp"

namespace pgbosun::backup {
namespace {

// Directly in the data directory: their contents belong to the running server, or are no business of a
// backup.
constexpr std::array<std::string_view, 10> emptied = {
    "log",         "pg_log",    "pg_wal",      "pg_dynshmem",  "pg_notify",
    "pg_replslot", "pg_serial", "pg_stat_tmp", "pg_snapshots", "pg_subtrans",
};

// Directly in the data directory.
constexpr std::array<std::string_view, 12> left_out = {
    "postmaster.pid",   "postmaster.opts",          "recovery.conf",
    "recovery.signal",  "standby.signal",           "backup_label",
    "backup_label.old", "tablespace_map",           "tablespace_map.old",
    "backup_manifest",  "postgresql.auto.conf.tmp", "current_logfiles.tmp",
};

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// "t<backend>_<relation>", with fork and segment: t3_16384_fsm, t3_16384.1.
bool is_temporary_relation(std::string_view name) {
    if (!name.starts_with('t')) return false;
    name.remove_prefix(1);
    const auto bar = name.find('_');
    if (bar == std::string_view::npos || !is_number(name.substr(0, bar))) return false;
    name.remove_prefix(bar + 1);
    return is_number(name.substr(0, name.find_first_of("_.")));
}

// Whether `directory` holds a database's relations: base/<oid>, or in a tablespace PG_<version>/<oid>.
bool is_database(std::string_view directory) {
    const auto slash = directory.rfind('/');
    if (slash == std::string_view::npos || !is_number(directory.substr(slash + 1))) return false;
    const auto above = directory.substr(0, slash);
    return above == "base" || above.substr(above.rfind('/') + 1).starts_with("PG_");
}

}  // namespace

Choice choose_entry(std::string_view path, EntryType type) {
    const auto slash = path.rfind('/');
    const bool at_top = slash == std::string_view::npos;
    const auto name = at_top ? path : path.substr(slash + 1);
    const auto directory = at_top ? std::string_view() : path.substr(0, slash);
    if (at_top && std::ranges::find(emptied, name) != emptied.end()) {
        return type == EntryType::directory || type == EntryType::link ? Choice::empty_directory : Choice::leave_out;
    }
    // Makers of links to tablespaces are told by backup.info.
    if (directory == "pg_tblspc" && type == EntryType::link) return Choice::leave_out;
    if (name.starts_with("pgsql_tmp")) return Choice::leave_out;
    if (type == EntryType::directory) return Choice::take;
    if (name.starts_with("pg_internal.init")) return Choice::leave_out;
    if (at_top && std::ranges::find(left_out, name) != left_out.end()) return Choice::leave_out;
    if (is_database(directory) && is_temporary_relation(name)) return Choice::leave_out;
    return type == EntryType::file ? Choice::take : Choice::leave_out;
}

std::set<std::string> unlogged_files(const std::vector<std::string>& names) {
    constexpr std::string_view init = "_init";
    std::set<std::string_view> relations;
    for (const std::string_view name : names) {
        if (name.ends_with(init) && is_number(name.substr(0, name.size() - init.size()))) {
            relations.insert(name.substr(0, name.size() - init.size()));
        }
    }
    std::set<std::string> lost;
    if (relations.empty()) return lost;
    for (const auto& name : names) {
        const auto relation = std::string_view(name).substr(0, name.find_first_of("_."));
        if (relations.contains(relation) && !name.ends_with(init)) lost.insert(name);
    }
    return lost;
}

}  // namespace pgbosun::backup
