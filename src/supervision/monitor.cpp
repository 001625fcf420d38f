#include "supervision/monitor.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "pgbosun/log.hpp"
#include "postgres/postmaster_pid.hpp"
#include "wal/segment.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

// While something is about to change, so that it is known soon after it has.
constexpr Duration quick_pace = 50ms;
constexpr Duration unsettled_pace = 20ms;
constexpr Duration wal_directory_pace = 5s;
constexpr Duration postmaster_pace = 1s;
constexpr std::size_t most_wal_files = 1'000'000;

std::optional<std::uint64_t> number_of(const Field& field) {
    if (!field) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), value);
    if (error != std::errc{} || end != field->data() + field->size()) return std::nullopt;
    return value;
}

}  // namespace

Duration looking_pace(const Settings& settings) {
    const Duration interval = settings.monitor.interval;
    const bool streams = settings.archive && settings.archive->stream > 0s;
    return streams ? std::min(interval, settings.archive->stream / 2) : interval;
}

Monitor::Monitor(Surroundings& outside, const Settings& settings, Calls calls)
    : outside_(outside), settings_(settings), calls_(std::move(calls)), look_(outside.loop) {}

void Monitor::look() { look_.announce(); }

void Monitor::forget_server() {
    ++server_number_;
    facts_.server.reset();
    facts_.server_at.reset();
    facts_.server_asked_at.reset();
    facts_.silent_since.reset();
    facts_.silent_reason.clear();
    facts_.exhausted_since.reset();
}

void Monitor::note_connections(int free, Instant asked_at) {
    if (free > 0) {
        if (facts_.exhausted_since) log::info("connections are free again");
        facts_.exhausted_since.reset();
    } else if (!facts_.exhausted_since) {
        log::warning("no connection is free: PostgreSQL refuses clients");
        facts_.exhausted_since = asked_at;
    }
}

Duration Monitor::pace() const {
    const auto& activity = calls_.state().activity;
    const bool soon =
        std::holds_alternative<instance::Launching>(activity) || std::holds_alternative<instance::Promoting>(activity);
    if (soon) return quick_pace;
    const Duration usual = looking_pace(settings_);
    return calls_.unsettled() ? std::min(unsettled_pace, usual) : usual;
}

Task<> Monitor::watch_server() {
    for (;;) {
        const auto& state = calls_.state();
        const bool launching = std::holds_alternative<instance::Launching>(state.activity);
        const bool stopping = std::holds_alternative<instance::Stopping>(state.activity);
        if (instance::has_postmaster(state) && !stopping) {
            bool ask = !launching;
            if (launching) ask = co_await says_ready();
            if (ask) co_await ask_server();
        }
        co_await look_.wait(pace());
    }
}

// Each connection that the server refuses while it starts is a FATAL line in its log: its pid file is asked first.
Task<bool> Monitor::says_ready() {
    std::string path = settings_.data_directory() + "/postmaster.pid";
    const auto text = co_await outside_.files.read(std::move(path), postgres::longest_pid_file);
    if (!text) co_return false;
    const auto file = postgres::parse_postmaster_pid(*text);
    if (!file || !file->state) co_return false;
    co_return *file->state == postgres::PostmasterState::ready || *file->state == postgres::PostmasterState::standby;
}

void Monitor::silent(Instant since, std::string why) {
    if (!facts_.silent_since) {
        facts_.silent_since = since;
        log::warning("PostgreSQL does not answer: " + why);
    }
    facts_.silent_reason = std::move(why);
    calls_.changed();
}

// Sessions that there are go on without a postmaster that runs, and nobody gets a new one.
std::optional<Instant> Monitor::stopped_since(Instant now) {
    if (now - postmaster_seen_at_ < postmaster_pace) return stopped_since_;
    postmaster_seen_at_ = now;
    const auto pid = calls_.postmaster();
    const auto seen = pid ? outside_.process_table.look(static_cast<int>(*pid)) : std::nullopt;
    if (!seen || seen->liveness != postgres::Liveness::stopped) {
        stopped_since_.reset();
    } else if (!stopped_since_) {
        stopped_since_ = now;
    }
    return stopped_since_;
}

Task<> Monitor::ask_server() {
    const std::uint64_t number = server_number_;
    const Instant asked_at = outside_.clock.now();
    std::string sql(postgres::server_facts_sql);
    const auto rows = co_await outside_.session.query(std::move(sql), {}, settings_.monitor.query_timeout);
    if (number != server_number_) co_return;
    auto server = rows ? postgres::parse_server_facts(*rows) : std::unexpected(rows.error());
    if (!server) {
        silent(asked_at, std::move(server.error().what));
        co_return;
    }
    if (const auto since = stopped_since(asked_at); since && asked_at - *since >= settings_.monitor.query_timeout) {
        silent(*since, "its postmaster is stopped, and lets nobody in");
        co_return;
    }
    if (facts_.silent_since) log::info("PostgreSQL answers again");
    const bool first = !facts_.server;
    facts_.server = std::move(*server);
    facts_.server_at = outside_.clock.now();
    facts_.server_asked_at = asked_at;
    facts_.silent_since.reset();
    facts_.silent_reason.clear();
    note_connections(facts_.server->free_connections, asked_at);
    facts_.came_up_once = true;
    calls_.changed();
    const Role role = facts_.server->recovery == postgres::Recovery::none ? Role::primary : Role::standby;
    const auto* running = std::get_if<instance::Running>(&calls_.state().activity);
    if (running == nullptr || running->role != role) calls_.answer(instance::Accepting{role});
    if (first) co_await read_wal_limits();
}

Task<> Monitor::read_wal_limits() {
    std::string sql =
        "select name, case when setting::numeric < 0 then null else pg_size_bytes(setting || coalesce(unit, '')) end "
        "from pg_catalog.pg_settings where name in "
        "('min_wal_size', 'max_wal_size', 'wal_keep_size', 'max_slot_wal_keep_size')";
    const auto rows = co_await outside_.session.query(std::move(sql), {}, settings_.monitor.query_timeout);
    if (!rows) co_return;
    for (const auto& row : rows->rows) {
        if (row.size() != 2 || !row[0]) continue;
        const auto value = number_of(row[1]);
        if (*row[0] == "min_wal_size") facts_.wal_limits.min_wal_size = value;
        if (*row[0] == "max_wal_size") facts_.wal_limits.max_wal_size = value;
        if (*row[0] == "wal_keep_size") facts_.wal_limits.wal_keep_size = value;
        if (*row[0] == "max_slot_wal_keep_size") facts_.wal_limits.max_slot_wal_keep_size = value;
    }
}

Task<> Monitor::watch_wal_directory() {
    Broadcast nobody(outside_.loop);
    for (;;) {
        if (instance::has_postmaster(calls_.state())) {
            std::string path = settings_.data_directory() + "/pg_wal";
            const auto wal = co_await outside_.files.list(std::move(path), most_wal_files);
            if (wal) facts_.wal = postgres::count_segments(*wal);
            path = settings_.data_directory() + "/pg_wal/archive_status";
            const auto status = co_await outside_.files.list(std::move(path), most_wal_files);
            if (status) facts_.archive_status = postgres::count_archive_status(*status);
            if (wal && status) co_await mark_left_segments(*wal, *status);
            path = settings_.data_directory() + "/pg_wal";
            const auto volume = co_await outside_.files.volume(std::move(path));
            if (volume) facts_.wal_volume = *volume;
        }
        co_await nobody.wait(wal_directory_pace);
    }
}

// Only what two looks in a row have found: PostgreSQL is between filling and marking for no longer than an instant. A mark
// that it makes at the same time is the same; a segment that it archives twice is in the archive already.
Task<> Monitor::mark_left_segments(std::vector<std::string> wal, std::vector<std::string> marks) {
    const auto before = std::exchange(unmarked_, {});
    const auto& server = facts_.server;
    if (!settings_.archive || !server || server->recovery != postgres::Recovery::none || !server->lsn.flushed)
        co_return;
    const auto size = wal::SegmentSize::from_bytes(server->wal_segment_size);
    if (!size) co_return;
    const auto current = wal::name_of(wal::segment_at(server->timeline, *server->lsn.flushed, *size), *size);
    unmarked_ = postgres::unmarked_segments(wal, marks, wal::to_string(current));
    for (const std::string& name : unmarked_) {
        if (std::ranges::find(before, name) == before.end()) continue;
        std::string path = settings_.data_directory() + "/pg_wal/archive_status/" + name + ".ready";
        const auto marked = co_await outside_.files.append_durably(std::move(path), std::string());
        if (!marked) {
            log::warning("a segment that a crash left out of the archive cannot be marked: " + marked.error().what);
            co_return;
        }
        log::info("a segment that a crash left out of the archive is marked for it", {{"segment", name}});
    }
}

}  // namespace pgbosun::supervision
