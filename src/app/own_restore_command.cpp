#include "app/own_restore_command.hpp"

#include <filesystem>
#include <vector>

#include "app/settings_text.hpp"
#include "backup/recovery_settings.hpp"

namespace pgbosun::app {

std::string own_restore_command(const Settings& settings, RestoreFrom from) {
    std::vector<std::string> words{std::filesystem::read_symlink("/proc/self/exe").string(), "wal-restore"};
    words.emplace_back("--config");
    words.push_back(settings.config_file.empty() ? std::string(backup::restored_settings_file) : settings.config_file);
    if (from == RestoreFrom::bootstrap_source) words.emplace_back("--bootstrap");
    return backup::command_line(words);
}

std::string settings_for_restore_command(const Settings& settings) {
    return settings.config_file.empty() ? settings_text(settings) : std::string();
}

}  // namespace pgbosun::app
