#include "supervision/inspection.hpp"

#include <utility>

#include "pgbosun/restored_copy.hpp"
#include "postgres/control_data.hpp"
#include "postgres/postmaster_pid.hpp"

namespace pgbosun::supervision {
namespace {

constexpr std::size_t most_entries = 10'000;

bool definite(const Fault& fault) { return fault.kind == FaultKind::not_found; }

Inspection unreadable(Fault fault) {
    Inspection result;
    result.verdict = instance::VolumeVerdict::unreadable;
    result.reason = std::move(fault.what);
    result.hint = fault.hint.empty() ? "check the volume and its mount" : std::move(fault.hint);
    return result;
}

Inspection concluded(const postgres::DataDirectoryVerdict& verdict) {
    Inspection result;
    if (const auto* usable = std::get_if<postgres::Usable>(&verdict)) {
        result.verdict = instance::VolumeVerdict::usable;
        result.usable = *usable;
    } else if (const auto* refused = std::get_if<postgres::Refused>(&verdict)) {
        result.verdict = instance::VolumeVerdict::refused;
        result.reason = refused->reason;
        result.hint = refused->hint;
    } else {
        const bool empty = std::holds_alternative<postgres::Empty>(verdict);
        result.verdict = empty ? instance::VolumeVerdict::empty : instance::VolumeVerdict::unfinished;
    }
    return result;
}

// A Fault only where the disk did not answer: then nothing may be concluded from what is missing.
Task<Result<postgres::DataDirectoryFacts>> gather(Surroundings& outside, const Settings& settings) {
    auto& files = outside.files;
    const std::string directory = settings.data_directory();
    postgres::DataDirectoryFacts facts;
    facts.our_uid = outside.machine.uid;

    std::string path = settings.state_directory();
    path += bootstrap_marker;
    const auto marker = co_await files.inspect(std::move(path));
    if (marker) {
        facts.marker = postgres::BootstrapMarker::present;
    } else if (!definite(marker.error())) {
        co_return std::unexpected(marker.error());
    }

    path = directory;
    const auto itself = co_await files.inspect(std::move(path));
    if (!itself) {
        if (definite(itself.error())) co_return facts;
        co_return std::unexpected(itself.error());
    }
    facts.directory = *itself;

    path = directory;
    auto entries = co_await files.list(std::move(path), most_entries);
    if (!entries) co_return std::unexpected(entries.error());
    facts.entries = std::move(*entries);

    path = directory + "/PG_VERSION";
    auto version = co_await files.read(std::move(path), 64);
    if (version) {
        facts.version_text = std::move(*version);
    } else if (version.error().kind == FaultKind::unavailable) {
        co_return std::unexpected(version.error());
    }

    path = directory + "/global/pg_control";
    const auto control = co_await files.read(std::move(path), postgres::control_file_size);
    if (control) {
        facts.control = postgres::parse_control_data(*control);
    } else if (control.error().kind == FaultKind::unavailable) {
        co_return std::unexpected(control.error());
    } else {
        facts.control = std::unexpected(control.error());
    }
    co_return facts;
}

Task<Result<postgres::LockVerdict>> judge_lock(Surroundings& outside, const Settings& settings) {
    postgres::PidFileFacts facts;
    facts.data_directory = outside.machine.data_directory;
    std::string path = settings.data_directory() + "/postmaster.pid";
    const auto text = co_await outside.files.read(std::move(path), postgres::longest_pid_file);
    if (!text && !definite(text.error())) co_return std::unexpected(text.error());
    if (text) {
        facts.file = postgres::parse_postmaster_pid(*text);
        if (*facts.file) facts.process = outside.process_table.look((*facts.file)->pid);
    }
    co_return postgres::judge_stale(facts);
}

}  // namespace

Task<Inspection> inspect_volume(Surroundings& outside, const Settings& settings) {
    auto facts = co_await gather(outside, settings);
    if (!facts) co_return unreadable(std::move(facts.error()));
    Inspection result = concluded(postgres::judge(*facts, outside.machine.server_major));
    result.bootstrap_marker = facts->marker == postgres::BootstrapMarker::present;
    if (result.verdict != instance::VolumeVerdict::usable) co_return result;

    if (result.usable->start == postgres::StartMode::recovery) {
        std::string path = settings.state_directory() + std::string(recovery_marker);
        const auto marker = co_await outside.files.inspect(std::move(path));
        if (!marker && !definite(marker.error())) co_return unreadable(marker.error());
        result.recovering = marker.has_value();
    }
    std::string path = settings.data_directory() + "/" + std::string(restored_copy_file);
    const auto copy = co_await outside.files.inspect(std::move(path));
    if (!copy && !definite(copy.error())) co_return unreadable(copy.error());
    result.restored_copy = copy.has_value();
    auto lock = co_await judge_lock(outside, settings);
    if (!lock) co_return unreadable(std::move(lock.error()));
    if (const auto* stale = std::get_if<postgres::StaleLock>(&*lock)) {
        result.stale_pid = stale->pid;
    } else if (const auto* live = std::get_if<postgres::LiveLock>(&*lock)) {
        result.verdict = instance::VolumeVerdict::occupied;
        result.reason = live->reason;
        result.hint = "stop the other server; this instance starts by itself when it has gone";
    } else if (const auto* damaged = std::get_if<postgres::UnreadableLock>(&*lock)) {
        result.damaged_pid_file = damaged->reason;
    }
    co_return result;
}

}  // namespace pgbosun::supervision
