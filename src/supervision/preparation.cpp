#include "supervision/preparation.hpp"

#include <utility>

#include "postgres/conninfo.hpp"

namespace pgbosun::supervision {
namespace {

constexpr std::size_t largest_configuration = 1024 * 1024;
constexpr std::size_t longest_secret = 4096;

Task<Result<>> write_if_changed(FileSystem& files, std::string path, std::string content) {
    std::string name = path;
    const auto present = co_await files.read(std::move(name), largest_configuration);
    if (present && *present == content) co_return Result<>();
    co_return co_await files.write_durably(std::move(path), std::move(content));
}

Task<Result<>> rewrite(FileSystem& files, std::string path, std::string (*change)(std::string_view)) {
    std::string name = path;
    auto present = co_await files.read(std::move(name), largest_configuration);
    if (!present && present.error().kind != FaultKind::not_found) co_return std::unexpected(std::move(present.error()));
    const std::string before = present ? std::move(*present) : std::string();
    std::string after = change(before);
    if (present && after == before) co_return Result<>();
    co_return co_await files.write_durably(std::move(path), std::move(after));
}

Task<Result<>> make_fifo_anew(FileSystem& files, std::string path) {
    std::string name = path;
    const auto present = co_await files.inspect(std::move(name));
    if (present && present->type == FileType::other) co_return Result<>();
    if (present) {
        name = path;
        const auto removed = co_await files.remove_durably(std::move(name));
        if (!removed) co_return removed;
    }
    co_return co_await files.make_fifo(std::move(path));
}

}  // namespace

std::string passfile_path(const Settings& settings) { return settings.state_directory() + "/passfile"; }

Result<postgres::Following> following(const Settings& settings, const std::string& upstream) {
    postgres::Following result;
    if (upstream.empty()) return result;
    auto conninfo = postgres::parse_conninfo(upstream);
    if (!conninfo) return std::unexpected(std::move(conninfo.error()));
    postgres::UpstreamDefaults defaults;
    defaults.user = settings.postgresql.replication.user;
    defaults.application_name = settings.instance;
    const bool secret = (settings.bootstrap.join && settings.bootstrap.join->password_file) ||
                        settings.postgresql.replication.password_file;
    if (secret) defaults.passfile = passfile_path(settings);
    const auto& slots = settings.replication_slots;
    // PostgreSQL reads there which logical slots there are.
    if (settings.mode == Mode::managed && slots.high_availability && slots.synchronize_logical_decoding)
        conninfo->emplace("dbname", "postgres");
    result.primary_conninfo =
        postgres::render_conninfo(postgres::with_upstream_defaults(std::move(*conninfo), defaults));
    return result;
}

Task<Result<>> write_configuration(Surroundings& outside, const Settings& settings,
                                   const postgres::ConfigurationFacts& facts, AutoConf auto_conf) {
    const std::string directory = settings.data_directory() + "/";
    auto& files = outside.files;
    std::string text = postgres::pgbosun_conf(settings, facts);
    std::string path = directory + std::string(postgres::configuration_file);
    auto done = co_await write_if_changed(files, std::move(path), std::move(text));
    if (!done) co_return done;
    text = postgres::pg_hba_conf(settings, facts);
    path = directory + "pg_hba.conf";
    done = co_await write_if_changed(files, std::move(path), std::move(text));
    if (!done) co_return done;
    text = postgres::pg_ident_conf(settings, facts);
    path = directory + "pg_ident.conf";
    done = co_await write_if_changed(files, std::move(path), std::move(text));
    if (!done) co_return done;
    path = directory + "postgresql.auto.conf";
    const auto filter =
        auto_conf == AutoConf::ours ? postgres::without_owned_parameters : postgres::without_owned_but_recovery;
    done = co_await rewrite(files, std::move(path), filter);
    if (!done) co_return done;
    path = directory + "postgresql.conf";
    co_return co_await rewrite(files, std::move(path), postgres::with_include);
}

Task<Result<>> free_copy(Surroundings& outside, const Settings& settings) {
    std::string path = settings.data_directory() + "/postgresql.auto.conf";
    co_return co_await rewrite(outside.files, std::move(path), postgres::without_copys_parameters);
}

Task<Result<>> make_log_fifos(Surroundings& outside, const Settings& settings) {
    std::string path = postgres::log_directory(settings);
    auto done = co_await outside.files.make_directory(std::move(path));
    if (!done) co_return done;
    path = postgres::json_log_fifo(settings);
    done = co_await make_fifo_anew(outside.files, std::move(path));
    if (!done) co_return done;
    path = postgres::plain_log_fifo(settings);
    co_return co_await make_fifo_anew(outside.files, std::move(path));
}

Task<Result<>> remove_left_socket(Surroundings& outside, const Settings& settings) {
    const std::string socket = settings.run_dir + "/.s.PGSQL." + std::to_string(settings.postgresql.port);
    std::string path = socket + ".lock";
    const auto lock = co_await outside.files.read(std::move(path), postgres::longest_pid_file);
    if (!lock && lock.error().kind == FaultKind::not_found) co_return Result<>();
    if (!lock) co_return std::unexpected(lock.error());
    if (!postgres::is_left_socket_lock(*lock, settings.data_directory())) co_return Result<>();
    // The lock last: killed in between, the next start comes here again.
    path = socket;
    const auto removed = co_await outside.files.remove_durably(std::move(path));
    if (!removed) co_return removed;
    path = socket + ".lock";
    co_return co_await outside.files.remove_durably(std::move(path));
}

Task<Result<std::string>> read_secret(Surroundings& outside, std::string path) {
    const std::string name = path;
    auto text = co_await outside.mounts.read(std::move(path), longest_secret);
    if (!text) co_return std::unexpected(std::move(text.error()).in("the secret " + name));
    while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
    if (text->empty())
        co_return fail(FaultKind::refused, "the secret " + name + " is empty", "write the password into it");
    co_return text;
}

Task<Result<std::string>> write_passfile(Surroundings& outside, const Settings& settings) {
    std::optional<std::string> source = settings.postgresql.replication.password_file;
    if (settings.bootstrap.join && settings.bootstrap.join->password_file)
        source = settings.bootstrap.join->password_file;
    if (!source) co_return std::string();
    std::string path = *source;
    const auto password = co_await read_secret(outside, std::move(path));
    if (!password) co_return std::unexpected(password.error());
    auto line = postgres::passfile_line("*", *password);
    if (!line) co_return std::unexpected(std::move(line.error()));
    path = passfile_path(settings);
    const auto written = co_await write_if_changed(outside.files, std::move(path), std::move(*line));
    if (!written) co_return std::unexpected(written.error());
    co_return passfile_path(settings);
}

}  // namespace pgbosun::supervision
