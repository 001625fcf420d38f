// The part of Agent that is about the files that it reads: the configuration, and what that names.
#include <algorithm>
#include <array>
#include <utility>

#include "app/agent.hpp"
#include "app/configuration.hpp"
#include "app/finding.hpp"
#include "app/fixed_keys.hpp"
#include "app/parameter_trial.hpp"
#include "app/posix_outside.hpp"
#include "app/run.hpp"
#include "app/settings_text.hpp"
#include "host/log_output.hpp"
#include "http/token_file.hpp"
#include "pgbosun/encryption_key_text.hpp"
#include "pgbosun/log.hpp"
#include "postgres/tls_files.hpp"

namespace pgbosun::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration file_look = 5s;

}  // namespace

std::vector<std::string> Agent::watched_files() const {
    std::vector<std::string> paths;
    const auto add = [&](const std::optional<std::string>& path) {
        if (path && !path->empty()) paths.push_back(*path);
    };
    add(settings_.config_file);
    for (const auto& path :
         {settings_.http.token_file, settings_.http.client_ca, settings_.http.ca_file, settings_.http.cert_file,
          settings_.http.key_file, settings_.postgresql.replication.password_file}) {
        add(path);
    }
    for (const auto& path : postgres::tls_files(settings_)) add(path);
    add(settings_.bootstrap.initdb.password_file);
    add(settings_.bootstrap.initdb.superuser_password_file);
    if (settings_.bootstrap.join) add(settings_.bootstrap.join->password_file);
    for (const auto& path : settings_.metrics.queries_files) add(path);
    return paths;
}

Task<> Agent::watch_files() {
    supervision::Broadcast nobody(loop_);
    for (;;) {
        auto paths = watched_files();
        const bool changed = co_await secret_watch_.changed(std::move(paths));
        if (changed) {
            log::info("the configuration, or a file that it names, has changed");
            co_await reload();
        }
        co_await nobody.wait(file_look);
    }
}

Task<> Agent::reload() {
    const auto read = co_await read_files();
    if (!read) {
        log::error("nothing of the files is taken: " + read.error().what, {{"hint", read.error().hint}});
        co_return;
    }
    instance_->settings_changed();
}

Task<Result<>> Agent::read_files() {
    while (reading_files_) co_await read_files_ended_.wait(file_look);
    reading_files_ = true;
    auto done = co_await take_files();
    if (done && archiver_) archiver_->restart();
    if (done) {
        for (const auto& recovery : recovery_archivers_) recovery->restart();
    }
    reading_files_ = false;
    read_files_ended_.announce();
    co_return done;
}

// All of it or nothing: what the HTTP server cannot use leaves the rest as it was, too. But a file of metric queries
// costs only itself.
Task<Result<>> Agent::take_files() {
    Settings fresh = settings_;
    if (!settings_.config_file.empty()) {
        std::string path = settings_.config_file;
        const auto text = co_await mounted_files_.read(std::move(path), SecretWatch::largest_file);
        if (!text) co_return std::unexpected(Fault(text.error()).in("the configuration"));
        auto read = read_configuration(*text);
        if (!read) co_return std::unexpected(std::move(read.error()));
        fresh = std::move(*read);
    }
    const auto changed = keep_fixed(fresh, settings_);
    // Once written, it would keep PostgreSQL from its next start.
    if (fresh.postgresql.parameters != settings_.postgresql.parameters) {
        Settings tried = fresh;
        auto taken = co_await parameters_taken(std::move(tried));
        if (!taken) co_return taken;
    }
    auto key_files = encryption_key_files(fresh);
    auto keys = co_await keys_are_keys(std::move(key_files));
    if (!keys) co_return keys;
    MetricsSettings metrics = fresh.metrics;
    auto queries = co_await read_metric_queries(std::move(metrics));
    HttpSettings http = fresh.http;
    auto files = co_await read_http_files(std::move(http));
    const auto reloaded = files ? server_->reload(fresh.http, *files) : Result<>(std::unexpected(files.error()));
    if (!reloaded) {
        log::error("the HTTP server keeps what it had, and so does the rest: " + reloaded.error().what,
                   {{"hint", reloaded.error().hint}});
        co_return reloaded;
    }
    settings_ = std::move(fresh);
    http_files_ = std::move(*files);
    peer_tls_.reset();
    instance_->replace_metric_queries(take_queries(std::move(queries)));
    host::log_output::set_level(log_level_of(settings_));
    if (!settings_.config_file.empty()) log::info("the configuration has been read again");
    if (!changed.empty()) log::warning("what changes only when pgbosun is started anew stays", {{"keys", changed}});
    co_await store_settings();
    co_return Result<>();
}

Task<Result<>> Agent::parameters_taken(Settings settings) {
    const auto refused = co_await try_parameters(loop_, processes_, std::move(settings));
    if (refused.empty()) co_return Result<>();
    std::string what = refused.front().key + ": " + refused.front().what;
    if (refused.size() > 1) what += ", and " + std::to_string(refused.size() - 1) + " more";
    co_return fail(FaultKind::refused, std::move(what),
                   "pgbosun config check names all of them; " + std::string(parameters_hint));
}

Task<Result<>> Agent::keys_are_keys(std::vector<KeyFile> files) {
    for (const auto& file : files) {
        std::string path = file.path;
        auto text = co_await mounted_files_.read(std::move(path), longest_key_file);
        if (!text) continue;
        auto wrong = judge_encryption_key(file.path, std::move(*text));
        if (wrong) co_return std::unexpected(std::move(*wrong).in(file.key));
    }
    co_return Result<>();
}

// For the archiver and its jobs: what PID 1 goes by, whatever has been written into the configuration file since.
Task<> Agent::store_settings() {
    std::string path = accepted_settings();
    std::string text = settings_text(settings_);
    const auto stored = co_await files_.write_durably(std::move(path), std::move(text));
    if (stored) co_return;
    log::error("the archiver goes on with the settings that it had: " + stored.error().what,
               {{"hint", "run_dir must be writable and have room"}});
}

std::string Agent::accepted_settings() const { return settings_.run_dir + "/settings.yaml"; }

Task<Result<http::ServerFiles>> Agent::read_http_files(HttpSettings http) {
    http::ServerFiles files;
    using MaybeText = std::optional<std::string>;
    const std::array<std::pair<const MaybeText*, MaybeText*>, 5> wanted{{{&http.token_file, &files.token},
                                                                         {&http.cert_file, &files.certificate},
                                                                         {&http.key_file, &files.key},
                                                                         {&http.client_ca, &files.client_ca},
                                                                         {&http.ca_file, &files.ca}}};
    for (const auto& [file, into] : wanted) {
        if (!*file) continue;
        std::string path = **file;
        auto text = co_await mounted_files_.read(std::move(path), http::longest_pem_file);
        if (!text) co_return std::unexpected(std::move(text.error()).in("what http names"));
        *into = std::move(*text);
    }
    if (files.token) {
        auto token = http::token_in(*files.token, *http.token_file);
        if (!token) co_return std::unexpected(std::move(token.error()).in("http.token_file"));
        files.token = std::move(*token);
    }
    co_return files;
}

Task<QueriesToRun> Agent::read_metric_queries(MetricsSettings metrics) {
    std::vector<QueryFile> files;
    for (const auto& file : metrics.queries_files) {
        std::string path = file;
        auto text = co_await mounted_files_.read(std::move(path), postgres::longest_query_file);
        files.push_back({file, std::move(text)});
    }
    co_return queries_to_run(metrics, files, queries_of_files_);
}

std::vector<postgres::MetricQuery> Agent::take_queries(QueriesToRun queries) {
    for (const auto& fault : queries.unusable)
        log::error("metric queries cannot be used: " + fault.what, {{"hint", fault.hint}});
    for (const auto& replaced : queries.replaced)
        log::warning("a metric query takes the place of another one of its name",
                     {{"query", replaced.name}, {"file", replaced.file}});
    queries_of_files_ = std::move(queries.of_files);
    return std::move(queries.queries);
}

void Agent::tell(const postgres::QueryNews& news) {
    const bool all = news.query == postgres::whole_collection;
    if (!news.fault && all) return log::info("metrics are collected again");
    if (!news.fault) {
        return log::info("a metric query works again", {{"query", news.query}, {"database", news.database}});
    }
    if (all) return log::warning("metrics cannot be collected: " + news.fault->what, {{"hint", news.fault->hint}});
    log::warning("a metric query fails: " + news.query + " in database " + news.database + ": " + news.fault->what,
                 {{"query", news.query}, {"database", news.database}, {"hint", news.fault->hint}});
}

// At the start, when nobody is kept waiting by a disk.
postgres::MetricsPlan Agent::metrics_plan() {
    std::vector<QueryFile> files;
    const PosixOutside outside;
    for (const auto& file : settings_.metrics.queries_files)
        files.push_back({file, outside.read(file, postgres::longest_query_file)});
    postgres::MetricsPlan plan;
    plan.cluster = settings_.cluster;
    plan.application_database = settings_.bootstrap.initdb.database;
    plan.query_timeout = settings_.monitor.query_timeout;
    plan.queries = take_queries(queries_to_run(settings_.metrics, files, {}));
    return plan;
}

Result<Settings> Agent::read_configuration(std::string_view text) const {
    auto read = read_settings(text, settings_.config_file, process_environment(), object_to_parameter);
    for (const auto& finding : read.findings) log::error(to_text(finding));
    if (read.usable()) return std::move(read.settings);
    const auto wrong = std::ranges::find(read.findings, Severity::error, &Finding::severity);
    return fail(FaultKind::refused, wrong == read.findings.end() ? "the configuration has errors" : to_text(*wrong),
                "pgbosun config check shows everything that is wrong with it; the old one stays");
}

}  // namespace pgbosun::app
