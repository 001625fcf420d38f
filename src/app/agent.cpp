#include "app/agent.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "app/configuration.hpp"
#include "app/posix_outside.hpp"
#include "app/run.hpp"
#include "host/identity.hpp"
#include "host/log_line.hpp"
#include "host/log_output.hpp"
#include "http/wire.hpp"
#include "pgbosun/cron_schedule.hpp"
#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"
#include "postgres/configuration.hpp"
#include "postgres/end_of_server.hpp"
#include "postgres/wal_news.hpp"
#include "postgres/log_record.hpp"
#include "postgres/tools.hpp"

namespace pgbosun::app {
namespace {

using namespace std::chrono_literals;

// The right to write is renewed this many times in the time that it lasts.
constexpr int renewals = 5;
constexpr Duration archive_patience = 5s;
constexpr Duration last_flush = 2s;
constexpr Duration longest_statement = 10min;

std::optional<std::string> account_name() {
    const passwd* account = ::getpwuid(::geteuid());
    if (account == nullptr) return std::nullopt;
    return std::string(account->pw_name);
}

postgres::SessionTarget local_server(const Settings& settings) {
    postgres::SessionTarget target;
    target.host = settings.run_dir;
    target.port = settings.postgresql.port;
    return target;
}

}  // namespace

Agent::Agent(boost::asio::io_context& loop, host::Signals& signals, host::ChildProcesses& processes,
             host::VolumeOpening& opening, Settings settings)
    : loop_(loop), signals_(signals), settings_(std::move(settings)), processes_(processes), opening_(opening),
      files_(loop, processes_),
      mounted_files_(loop, processes_, host::WorkerFileSystem::default_limit, "pgbosun-mounts"),
      session_(loop, local_server(settings_)),
      guard_(std::make_unique<Guarding>(processes_, settings_, clock_, [this] { instance_->guard_lost(); })),
      surroundings_{
          loop_,
          clock_,
          processes_,
          process_table_,
          files_,
          mounted_files_,
          session_,
          [this](const std::string& database, const std::string& user) { return open_session(database, user); },
          [this](std::string conninfo) { return open_upstream(std::move(conninfo)); },
          *guard_,
          look_at_machine(),
          archiver_program()},
      version_(loop_, processes_, clock_, settings_.postgresql.bin_dir + "/postgres"), timer_(loop),
      secret_watch_(mounted_files_), read_files_ended_(loop) {
    instance_ = std::make_unique<supervision::Instance>(surroundings_, settings_, wiring());
    server_ = std::make_unique<http::Server>(loop_, *instance_, instance_->journal(), settings_.http, settings_.metrics,
                                             settings_.control_socket());
    if (settings_.archive) {
        archiver_ = std::make_unique<ArchiverProcess>(
            loop_, processes_, clock_, archiver_command({}),
            [this](ArchiveReport report) { instance_->archive_reported(std::move(report)); });
    }
}

Agent::~Agent() = default;

void Agent::take_volume(host::OpenedVolume volume) {
    lock_ = std::move(volume.lock);
    surroundings_.machine.data_directory = volume.data_directory;
    guard_->begin(std::move(volume.data_directory));
    if (volumes_.empty()) watch_volumes();
}

supervision::Machine Agent::look_at_machine() const {
    supervision::Machine machine;
    machine.uid = ::geteuid();
    machine.gid = ::getegid();
    machine.account = account_name();
    machine.oom_score = host::oom_score_adjustment();
    machine.syncfs_tells_errors = host::kernel_is_at_least(5, 8);
    machine.wal_program = own_directory() + "/pgbosun-wal";
    return machine;
}

std::unique_ptr<PgSession> Agent::open_session(const std::string& database, const std::string& user) {
    postgres::SessionTarget target = local_server(settings_);
    target.database = database;
    target.user = user;
    target.statement_timeout = longest_statement;
    return std::make_unique<postgres::LibpqSession>(loop_, std::move(target));
}

supervision::Instance::Wiring Agent::wiring() {
    supervision::Instance::Wiring wiring;
    wiring.boot_id = host::boot_id();
    wiring.journal_codec.encode = [](const JournalEntry& entry) { return http::render_journal({entry}, entry.id); };
    wiring.journal_codec.decode = [](std::string_view line) -> std::optional<JournalEntry> {
        auto entries = http::parse_journal(line);
        if (!entries || entries->size() != 1) return std::nullopt;
        return std::move(entries->front());
    };
    wiring.output = [this](std::string_view program, std::string_view line) { relay(program, line); };
    wiring.end = [this](int exit_status) {
        say_why_it_ends(exit_status);
        spawn(loop_, finish(exit_status));
    };
    wiring.read_settings = [this] { return read_files(); };
    wiring.archive_order = [this](const ArchiveOrder& order) {
        last_order_ = order;
        if (archiver_) archiver_->order(order);
        for (const auto& recovery : recovery_archivers_) recovery->order(order);
    };
    wiring.next_moment = [](const std::string& schedule, WallTime after) -> std::optional<WallTime> {
        const auto cron = CronSchedule::parse(schedule);
        if (!cron) return std::nullopt;  // the configuration's check has said so
        return cron->next(after);
    };
    wiring.recovering = [this](supervision::Recovering recovering) { follow_recovery(recovering); };
    wiring.volumes = [this](Instant now) { return volumes(now); };
    wiring.log = [] { return host::log_output::status(); };
    wiring.shortage = [this]() -> std::optional<supervision::Shortage> {
        const auto& shortage = processes_.shortage();
        if (!shortage) return std::nullopt;
        return supervision::Shortage{shortage->since, shortage->why};
    };
    wiring.arm = [this](std::optional<Instant> deadline) {
        if (deadline) {
            timer_.arm(*deadline, [this] { instance_->deadline_passed(); });
        } else {
            timer_.disarm();
        }
    };
    wiring.metrics = std::make_unique<postgres::MetricsCollector>(
        [this](const std::string& database) { return open_session(database, std::string(postgres::metrics_role)); },
        clock_, metrics_plan(), tell);
    if (settings_.mode == Mode::managed) wiring.cluster = cluster_wiring();
    return wiring;
}

void Agent::watch_volumes() {
    const auto add = [&](std::string name, std::string path) {
        volumes_.push_back(
            {std::move(name), path,
             std::make_unique<host::VolumeWatch>(loop_, processes_, path, settings_.monitor.volume_deadline)});
    };
    add("data", settings_.state_directory());
    if (settings_.postgresql.wal_dir) add("wal", *settings_.postgresql.wal_dir);
}

std::vector<VolumeStatus> Agent::volumes(Instant now) const {
    std::vector<VolumeStatus> result;
    for (const auto& volume : volumes_) {
        const auto reading = volume.watch->read(now);
        // Until the first write has returned there is nothing to say.
        if (!reading.checked_at && !reading.hangs_since && !reading.error) continue;
        VolumeStatus status;
        status.name = volume.name;
        status.path = volume.path;
        status.total_bytes = reading.total_bytes;
        status.available_bytes = reading.available_bytes;
        status.hangs_since = reading.hangs_since;
        status.error = reading.error;
        status.last_write_s = std::chrono::duration<double>(reading.last_write).count();
        result.push_back(std::move(status));
    }
    return result;
}

void Agent::relay(std::string_view program, std::string_view line) {
    if (program == "postgres") {
        postgres_logged(line);
    } else {
        log::info(line, {{host::logger_field, program}});
    }
}

void Agent::postgres_logged(std::string_view line) {
    if (auto why = postgres::end_of_server(line)) instance_->note_fatal(std::move(*why));
    const auto news = postgres::wal_news(line);
    if (news == postgres::WalNews::gone) instance_->note_wal_gone();
    if (news == postgres::WalNews::awaited) instance_->note_waits_for_wal();
    // That it says each second. No other line is left out.
    if (news == postgres::WalNews::awaited && instance_->follows_archive()) return;
    host::log_output::pass_through(postgres::log_line(line, settings_.log.format, clock_.wall()));
}

Result<> Agent::open_log_fifos() {
    const std::string directory = postgres::log_directory(settings_);
    if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return fail(FaultKind::refused, "cannot make " + directory, "make run_dir writable");
    }
    for (const auto& path : {postgres::json_log_fifo(settings_), postgres::plain_log_fifo(settings_)}) {
        struct stat facts{};
        if (::lstat(path.c_str(), &facts) == 0 && !S_ISFIFO(facts.st_mode)) ::unlink(path.c_str());
        if (::mkfifo(path.c_str(), S_IRUSR | S_IWUSR) != 0 && errno != EEXIST) {
            return fail(FaultKind::refused, "cannot make the FIFO " + path,
                        "run_dir must be on a file system that has FIFOs");
        }
        auto fifo = host::FifoLines::open(loop_, path, [this](std::string_view line) { postgres_logged(line); });
        if (!fifo) return std::unexpected(std::move(fifo.error()));
        log_fifos_.push_back(std::move(*fifo));
    }
    return {};
}

void Agent::under_pressure(host::LogPressure pressure) {
    const bool high = pressure == host::LogPressure::high;
    processes_.set_output(high ? host::OutputFlow::held : host::OutputFlow::read);
    for (auto& fifo : log_fifos_) high ? fifo->pause() : fifo->resume();
}

void Agent::listen_to_signals() {
    const auto end = [this](instance::StopMode mode, const char* signal) {
        log::info(std::string("received ") + signal + ": ending", {{"shutdown", instance::to_string(mode)}});
        instance_->end(mode);
    };
    signals_.on(SIGTERM, [end] { end(instance::StopMode::smart, "SIGTERM"); });
    signals_.on(SIGINT, [end] { end(instance::StopMode::fast, "SIGINT"); });
    signals_.on(SIGQUIT, [end] { end(instance::StopMode::immediate, "SIGQUIT"); });
    signals_.on(SIGHUP, [this] { spawn(loop_, reload()); });
}

int Agent::run() {
    host::log_output::start(loop_, settings_.log.format, log_level_of(settings_),
                            [this](host::LogPressure pressure) { under_pressure(pressure); });
    listen_to_signals();
    // Nobody asks yet whom a disk that hangs could keep waiting.
    auto files = http::read_server_files(settings_.http);
    if (files) http_files_ = std::move(*files);
    auto listening = files ? server_->start(http_files_) : Result<>(std::unexpected(files.error()));
    if (listening) listening = open_log_fifos();
    if (!listening) {
        log::error(listening.error().what, {{"hint", listening.error().hint}});
        write_termination_message(listening.error().text());
        return static_cast<int>(ExitCode::failed);
    }
    log::info("listening",
              {{"http", settings_.http.listen}, {"port", server_->port()}, {"socket", settings_.control_socket()}});
    instance_->attend();
    spawn(loop_, renew_guard());
    spawn(loop_, begin());
    spawn(loop_, watch_files());
    loop_.run();
    return exit_status_;
}

Task<> Agent::begin() {
    if (!lock_) {
        auto opened = co_await wait_for_volume();
        if (ending_) co_return;
        if (!opened) co_return co_await give_up(std::move(opened.error()), ExitCode::failed);
    }
    co_await store_settings();
    if (archiver_) spawn(loop_, keep_archiving());
    auto major = co_await version_.ask();
    if (!major && major.error().kind == FaultKind::cancelled) co_return;
    if (!major) {
        const bool may_do_better = major.error().kind == FaultKind::unavailable;
        co_return co_await give_up(std::move(major.error()), may_do_better ? ExitCode::failed : ExitCode::wrong_usage);
    }
    surroundings_.machine.server_major = *major;
    Settings tried = settings_;
    auto taken = co_await parameters_taken(std::move(tried));
    if (ending_) co_return;
    if (!taken) co_return co_await give_up(std::move(taken.error()), ExitCode::wrong_usage);
    instance_->begin();
}

Task<Result<>> Agent::wait_for_volume() {
    log::warning("the volume does not answer: it is waited for",
                 {{"volume", settings_.volume}, {"hint", "look at the storage below it; status says since when"}});
    watch_volumes();
    auto opened = co_await opening_.opened();
    if (!opened) co_return std::unexpected(std::move(opened.error()));
    log::info("the volume answers", {{"volume", settings_.volume}});
    take_volume(std::move(*opened));
    co_return Result<>();
}

Task<> Agent::keep_archiving() {
    // Its directory may have to be made by root.
    co_await opening_.finished(archive_patience);
    if (!ending_) co_await archiver_->keep_running();
}

Task<> Agent::give_up(Fault fault, ExitCode code) {
    log::error(fault.what, {{"hint", fault.hint}});
    write_termination_message(fault.text());
    co_await finish(static_cast<int>(code));
}

Task<> Agent::renew_guard() {
    supervision::Broadcast nobody(loop_);
    for (;;) {
        guard_->renew();
        co_await nobody.wait(settings_.lease.standalone_guard / renewals);
    }
}

void Agent::say_why_it_ends(int exit_status) {
    if (exit_status == 0) return log::info("ended");
    const auto& status = instance_->status();
    const std::string why = status.reason.empty() ? "pgbosun has given up" : status.reason;
    log::error("giving up: " + why, {{"exit", exit_status}, {"hint", status.hint}});
    write_termination_message(why + (status.hint.empty() ? "" : " (hint: " + status.hint + ")"));
}

Task<> Agent::finish(int exit_status) {
    if (ending_) co_return;
    ending_ = true;
    exit_status_ = exit_status;
    co_await instance_->take_leave();
    version_.give_up();
    if (archiver_) archiver_->stop();
    for (const auto& recovery : recovery_archivers_) recovery->stop();
    co_await instance_->journal().flush(last_flush);
    supervision::Broadcast nobody(loop_);
    const Instant give_up = clock_.now() + 10s;
    const auto busy = [this] {
        const auto runs = [](const auto& process) { return process->running(); };
        return version_.running() || (archiver_ && archiver_->running()) ||
               std::ranges::any_of(recovery_archivers_, runs) || !instance_->jobs_idle();
    };
    while (busy() && clock_.now() < give_up) co_await nobody.wait(10ms);
    server_->stop();
    loop_.stop();
}

}  // namespace pgbosun::app
