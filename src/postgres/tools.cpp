#include "postgres/tools.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <limits>

namespace pgbosun::postgres {
namespace {

constexpr int children_oom_raise = 200;
constexpr int highest_oom_score = 1000;

std::vector<std::string> base_environment(const Settings& settings) {
    return {"PATH=" + settings.postgresql.bin_dir + ":/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"};
}

void append(std::vector<std::string>& to, std::vector<std::string> more) {
    for (std::string& item : more) to.push_back(std::move(item));
}

void append_option(std::vector<std::string>& arguments, std::string_view name,
                   const std::optional<std::string>& value) {
    if (value) arguments.push_back(std::string(name) + "=" + *value);
}

std::optional<std::uint64_t> leading_number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value > std::numeric_limits<std::uint64_t>::max() / 1024) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

}  // namespace

Command postgres_command(const Settings& settings, const PostgresLaunch& launch) {
    Command command;
    command.program = settings.postgresql.bin_dir + "/postgres";
    command.arguments = {"-D", settings.data_directory()};
    if (launch.reach == Reach::local_only) append(command.arguments, {"-c", "listen_addresses="});
    command.environment = base_environment(settings);
    const int children = std::min(highest_oom_score, launch.own_oom_score + children_oom_raise);
    append(command.environment,
           {"PGDATA=" + settings.data_directory(), "PGBOSUN_ARCHIVE_SOCKET=" + settings.archive_socket(),
            "PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj", "PG_OOM_ADJUST_VALUE=" + std::to_string(children)});
    if (launch.stale_pid) command.environment.push_back("PG_GRANDPARENT_PID=" + std::to_string(*launch.stale_pid));
    // It goes to its data directory by itself: we would wait for the disk with it.
    // Not SIGQUIT: a postmaster that has just begun blocks that, and waits in open(2) for who reads its log.
    command.death_signal = SIGKILL;
    return command;
}

AccountFiles account_files(std::uint32_t uid, std::uint32_t gid) {
    const std::string user = std::to_string(uid);
    const std::string group = std::to_string(gid);
    return {"postgres:x:" + user + ":" + group + ":PostgreSQL:/:/sbin/nologin\n", "postgres:x:" + group + ":\n"};
}

std::vector<std::string> nss_wrapper_environment(const NssWrapper& wrapper) {
    return {"LD_PRELOAD=" + wrapper.library, "NSS_WRAPPER_PASSWD=" + wrapper.passwd_path,
            "NSS_WRAPPER_GROUP=" + wrapper.group_path};
}

Command initdb_command(const Settings& settings, const InitdbLaunch& launch) {
    const InitdbSettings& initdb = settings.bootstrap.initdb;
    Command command;
    command.program = settings.postgresql.bin_dir + "/initdb";
    std::vector<std::string>& arguments = command.arguments;
    arguments = {"--pgdata=" + settings.data_directory(),
                 "--username=postgres",
                 "--no-instructions",
                 "--auth-local=peer",
                 "--auth-host=scram-sha-256",
                 "--wal-segsize=" + std::to_string(initdb.wal_segment_size),
                 "--encoding=" + initdb.encoding,
                 "--locale=" + initdb.locale};
    append_option(arguments, "--lc-collate", initdb.locale_collate);
    append_option(arguments, "--lc-ctype", initdb.locale_ctype);
    append_option(arguments, "--locale-provider", initdb.locale_provider);
    append_option(arguments, "--icu-locale", initdb.icu_locale);
    append_option(arguments, "--icu-rules", initdb.icu_rules);
    append_option(arguments, "--builtin-locale", initdb.builtin_locale);
    append_option(arguments, "--pwfile", initdb.superuser_password_file);
    append_option(arguments, "--waldir", wal_directory(settings));
    // PostgreSQL 18 has checksums unless told otherwise; before it there is no option to say no.
    if (initdb.data_checksums) arguments.emplace_back("--data-checksums");
    if (!initdb.data_checksums && launch.server_major >= 18) arguments.emplace_back("--no-data-checksums");
    append(arguments, initdb.options);
    command.environment = base_environment(settings);
    if (launch.nss_wrapper) append(command.environment, nss_wrapper_environment(*launch.nss_wrapper));
    command.death_signal = SIGKILL;
    return command;
}

Command base_backup_command(const Settings& settings, const BaseBackupLaunch& launch) {
    Command command;
    command.program = settings.postgresql.bin_dir + "/pg_basebackup";
    command.arguments = {"--pgdata=" + settings.data_directory(),
                         "--dbname=" + launch.conninfo,
                         "--format=plain",
                         "--wal-method=stream",
                         "--checkpoint=fast",
                         "--progress",
                         "--verbose",
                         "--no-password"};
    if (!launch.max_rate.empty()) command.arguments.push_back("--max-rate=" + launch.max_rate);
    append_option(command.arguments, "--waldir", wal_directory(settings));
    command.environment = base_environment(settings);
    if (!launch.passfile.empty()) command.environment.push_back("PGPASSFILE=" + launch.passfile);
    if (launch.nss_wrapper) append(command.environment, nss_wrapper_environment(*launch.nss_wrapper));
    command.death_signal = SIGKILL;
    return command;
}

Command rewind_command(const Settings& settings, const RewindLaunch& launch) {
    Command command;
    command.program = settings.postgresql.bin_dir + "/pg_rewind";
    command.arguments = {"--target-pgdata=" + settings.data_directory(), "--source-server=" + launch.conninfo};
    command.arguments.push_back("--config-file=" + launch.config_file);
    if (settings.archive) command.arguments.emplace_back("--restore-target-wal");
    command.environment = base_environment(settings);
    command.environment.push_back("PGBOSUN_ARCHIVE_SOCKET=" + settings.archive_socket());
    // It has postgres recover a crashed server first, which refuses as a start does.
    if (launch.stale_pid) command.environment.push_back("PG_GRANDPARENT_PID=" + std::to_string(*launch.stale_pid));
    if (!launch.passfile.empty()) command.environment.push_back("PGPASSFILE=" + launch.passfile);
    command.death_signal = SIGKILL;
    return command;
}

std::optional<std::string> wal_directory(const Settings& settings) {
    if (!settings.postgresql.wal_dir) return std::nullopt;
    return *settings.postgresql.wal_dir + "/pg_wal";
}

std::optional<BaseBackupProgress> parse_base_backup_progress(std::string_view line) {
    while (!line.empty() && (line.front() == ' ' || line.front() == '\r')) line.remove_prefix(1);
    const auto done = leading_number(line);
    if (!done || !line.starts_with('/')) return std::nullopt;
    line.remove_prefix(1);
    const auto total = leading_number(line);
    if (!total || !line.starts_with(" kB (")) return std::nullopt;
    return BaseBackupProgress{*done * 1024, *total * 1024};
}

}  // namespace pgbosun::postgres
