#include "app/own_restore_command.hpp"

#include <filesystem>
#include <vector>

#include "app/settings_text.hpp"
#include "backup/recovery_settings.hpp"

namespace pgbosun::app {

std::string own_restore_command(const Settings& settings, RestoreFrom from) {
    std::vector<std::string> words{std::filesystem::read_symlink("/proc/self/exe").string(), "wal-restore"};
    words.emplace_back("--config");
    if (from == RestoreFrom::own_archive) {
        words.emplace_back(backup::restored_settings_file);
    } else {
        words.push_back(settings.config_file);
        words.emplace_back("--bootstrap");
    }
    return backup::command_line(words);
}

std::string settings_for_restore_command(const Settings& settings) {
    Settings needed;
    needed.cluster = settings.cluster;
    needed.instance = settings.instance;
    needed.volume = settings.volume;
    needed.run_dir = settings.run_dir;
    needed.postgresql.bin_dir = settings.postgresql.bin_dir;
    needed.log = settings.log;
    needed.archive = settings.archive;
    return "# Written by pgbosun restore, for restore_command; it names the archive that the backup is of.\n" +
           settings_text(needed);
}

}  // namespace pgbosun::app
