#include "app/own_restore_command.hpp"

#include <filesystem>
#include <vector>

#include "backup/recovery_settings.hpp"

namespace pgbosun::app {

std::string own_restore_command(const Settings& settings, RestoreFrom from) {
    std::vector<std::string> words{std::filesystem::read_symlink("/proc/self/exe").string(), "wal-restore"};
    if (!settings.config_file.empty()) words.insert(words.end(), {"--config", settings.config_file});
    if (from == RestoreFrom::bootstrap_source) words.emplace_back("--bootstrap");
    return backup::command_line(words);
}

}  // namespace pgbosun::app
