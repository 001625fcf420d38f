#include "backup/history_file.hpp"

#include "backup/small_file.hpp"
#include "wal/archive_name.hpp"

namespace pgbosun::backup {

Result<wal::TimelineHistory> history_at(const std::string& data_directory, Timeline timeline, Timeline begun) {
    if (timeline == begun) return wal::TimelineHistory{timeline, {}};
    const auto name = to_string(wal::ArchiveName(wal::HistoryFile{timeline}));
    const auto file = read_small_file(data_directory + "/pg_wal/" + name, name);
    if (!file) return std::unexpected(file.error());
    return wal::parse_history(timeline, file->content);
}

}  // namespace pgbosun::backup
