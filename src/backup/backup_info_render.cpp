#include <map>

#include "backup/backup_info.hpp"
#include "backup/python_literal.hpp"
#include "backup/timestamp.hpp"
#include "backup/utf8.hpp"

namespace pgbosun::backup {
namespace {

using Lines = std::map<std::string, std::string>;

constexpr std::string_view none = "None";

// One line that every reader decodes.
std::string plain(std::string_view text, char in_place_of_controls) {
    std::string out;
    while (!text.empty()) {
        const auto character = first_character(text);
        const bool control = character && (character->code < 0x20 || character->code == 0x7F);
        if (!character) {
            out += '?';
        } else if (control) {
            out += in_place_of_controls;
        } else {
            out += text.substr(0, character->length);
        }
        text.remove_prefix(character ? character->length : 1);
    }
    return out;
}

std::string path(const std::string& text) { return text.empty() ? std::string(none) : plain(text, '?'); }

std::string to_string(BackupStatus status) {
    switch (status) {
        case BackupStatus::done: return "DONE";
        case BackupStatus::failed: return "FAILED";
        case BackupStatus::unfinished: return "STARTED";
    }
    std::unreachable();
}

std::string tablespaces_of(const std::vector<Tablespace>& tablespaces) {
    if (tablespaces.empty()) return std::string(none);
    std::string text = "[";
    for (const auto& it : tablespaces) {
        if (text.size() > 1) text += ", ";
        text += "(" + python_repr(it.name) + ", " + std::to_string(it.oid) + ", " + python_repr(it.location) + ")";
    }
    return text + "]";
}

std::string files_of(const std::vector<std::string>& files) {
    if (files.empty()) return std::string(none);
    std::string text = "[";
    for (const auto& it : files) text += (text.size() > 1 ? ", " : "") + python_repr(it);
    return text + "]";
}

void add_position(Lines& lines, const std::string& edge, const std::optional<WalPosition>& position,
                  std::uint32_t segment_size) {
    lines[edge + "_offset"] = position ? std::to_string(position->lsn.value % segment_size) : none;
    lines[edge + "_time"] = position ? to_timestamp(position->time) : none;
    lines[edge + "_wal"] = position ? to_string(position->segment) : none;
    lines[edge + "_xlog"] = position ? to_string(position->lsn) : none;
}

template <class Number>
std::string number_or_none(Number value) {
    return value == Number{} ? std::string(none) : std::to_string(value);
}

Lines lines_of(const BackupInfo& info) {
    Lines lines;
    for (const auto* nothing : {"compression", "copy_stats", "deduplicated_size", "mode", "size"})
        lines[nothing] = none;
    add_position(lines, "begin", info.begin, info.segment_size);
    add_position(lines, "end", info.end, info.segment_size);
    lines["backup_label"] = info.backup_label.empty() ? none : python_repr(info.backup_label);
    if (info.name) lines["backup_name"] = plain(*info.name, '?');
    lines["config_file"] = path(info.config_file);
    lines["error"] = info.error.empty() ? none : plain(info.error, ' ');
    lines["hba_file"] = path(info.hba_file);
    lines["ident_file"] = path(info.ident_file);
    lines["included_files"] = files_of(info.included_files);
    lines["pgdata"] = path(info.pgdata);
    lines["server_name"] = "cloud";
    lines["status"] = to_string(info.status);
    lines["systemid"] = info.system_id ? std::to_string(number(*info.system_id)) : none;
    lines["tablespaces"] = tablespaces_of(info.tablespaces);
    lines["timeline"] = number_or_none(number(info.timeline));
    lines["version"] = number_or_none(info.version);
    lines["xlog_segment_size"] = std::to_string(info.segment_size);
    return lines;
}

}  // namespace

std::string render(const BackupInfo& info) {
    std::string text;
    for (const auto& [name, value] : info.remarks) text += "# pgbosun." + name + ": " + plain(value, ' ') + "\n";
    for (const auto& [key, value] : lines_of(info)) text += key + "=" + value + "\n";
    return text;
}

}  // namespace pgbosun::backup
