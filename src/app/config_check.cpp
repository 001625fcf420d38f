#include "app/config_check.hpp"

#include <ostream>

#include "app/binaries.hpp"
#include "app/encryption_key_check.hpp"
#include "app/settings_keys.hpp"
#include "app/settings_text.hpp"

namespace pgbosun::app {
namespace {

constexpr std::uint32_t others_may_read = 0004;

void check_file(ReadSettings& read, const Key& key, const std::string& path, const Outside& outside) {
    const auto facts = outside.inspect(path);
    if (!facts) {
        read.add(Severity::error, key.path, path + " is not there", "create it, or correct the path");
    } else if (facts->type != FileType::regular) {
        read.add(Severity::error, key.path, path + " is not a regular file", "name a file");
    } else if (!outside.may(Permission::read, path)) {
        read.add(Severity::error, key.path, path + " is not readable for this user",
                 "give the user that runs pgbosun the right to read it");
    } else if (key.names_file == NamesFile::secret && (facts->mode & others_may_read) != 0) {
        read.add(Severity::warning, key.path, path + " holds a secret and everybody may read it",
                 "chmod 0600 (Kubernetes: defaultMode: 0400 with fsGroup, on the volume)");
    }
}

void check_files(ReadSettings& read, const Outside& outside) {
    const Settings settings = read.settings;
    for (const auto& key : settings_keys()) {
        if (key.names_file == NamesFile::no || !applies(key.path, settings)) continue;
        for (const auto& item : key.show(settings)) check_file(read, key, item.text, outside);
    }
}

// It, or the nearest directory above it that is there, can be written to.
void check_directory(ReadSettings& read, const std::string& key, const std::string& path, const Outside& outside) {
    if (path.empty()) return;
    std::string there = path;
    auto facts = outside.inspect(there);
    while (!facts && there.size() > 1) {
        const auto slash = there.rfind('/');
        there.resize(slash == 0 ? 1 : slash);
        facts = outside.inspect(there);
    }
    if (!facts || facts->type != FileType::directory) {
        read.add(Severity::error, key, there + " is not a directory", "name a directory");
    } else if (!outside.may(Permission::write, there) || !outside.may(Permission::execute, there)) {
        const auto what =
            there == path ? "is not writable for this user" : "is not there and cannot be created in " + there;
        read.add(Severity::error, key, path + " " + what,
                 "give the user that runs pgbosun the right to write there (Kubernetes: fsGroup)");
    }
}

void check_programs(ReadSettings& read, const Outside& outside) {
    const auto& directory = read.settings.postgresql.bin_dir;
    if (directory.empty()) return;
    std::string missing;
    for (const auto* program : required_programs) {
        if (outside.may(Permission::execute, directory + "/" + program)) continue;
        missing += (missing.empty() ? "" : ", ") + std::string(program);
    }
    if (missing.empty()) return;
    read.add(Severity::error, "postgresql.bin_dir", directory + " lacks " + missing,
             "name the directory that has PostgreSQL's server programs, such as /usr/lib/postgresql/17/bin");
}

void check_variables(ReadSettings& read, const EnvironmentView& environment) {
    if (!read.settings.archive) return;
    const auto credentials = read.settings.archive->credentials;
    const auto is_set = [&](const std::string& name, const SecretSource& source) {
        if (!source.environment || !environment.variable(*source.environment).value_or("").empty()) return;
        read.add(Severity::warning, "archive.credentials." + name + "_env", *source.environment + " is not set here",
                 "set it where pgbosun runs");
    };
    is_set("access_key_id", credentials.access_key_id);
    is_set("secret_access_key", credentials.secret_access_key);
    is_set("session_token", credentials.session_token);
}

}  // namespace

void check_outside(ReadSettings& read, const EnvironmentView& environment, const Outside& outside) {
    check_files(read, outside);
    check_variables(read, environment);
    check_encryption_keys(read, environment, outside);
    const Settings settings = read.settings;
    check_directory(read, "volume", settings.volume, outside);
    check_directory(read, "run_dir", settings.run_dir, outside);
    if (settings.postgresql.wal_dir) check_directory(read, "postgresql.wal_dir", *settings.postgresql.wal_dir, outside);
    if (settings.archive && settings.archive->destination.starts_with("file://")) {
        check_directory(read, "archive.destination", settings.archive->destination.substr(7), outside);
    }
    check_programs(read, outside);
}

ExitCode print_check(const ReadSettings& read, std::ostream& out) {
    for (const auto& finding : read.findings) out << to_text(finding) << '\n';
    if (!read.findings.empty()) out << '\n';
    out << (read.usable() ? "# the effective configuration"
                          : "# the effective configuration, with defaults for what is wrong")
        << '\n'
        << settings_text(read.settings, read.expanded);
    return read.usable() ? ExitCode::done : ExitCode::wrong_usage;
}

}  // namespace pgbosun::app
