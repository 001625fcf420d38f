#include "app/status_text.hpp"

#include <algorithm>
#include <vector>

#include "app/work_text.hpp"
#include "pgbosun/bytes_text.hpp"

namespace pgbosun::app {
namespace {

constexpr std::uint64_t nearly_full = 10;  // a volume with less than one part in so many left

enum class Tone { plain, good, doubtful, bad };

class Writer {
public:
    explicit Writer(Colour colour) : colour_(colour) {}

    std::string painted(Tone tone, std::string text) const {
        if (colour_ == Colour::never || tone == Tone::plain) return text;
        const auto* code = tone == Tone::good ? "\x1b[32m" : tone == Tone::doubtful ? "\x1b[33m" : "\x1b[31m";
        return code + text + "\x1b[0m";
    }
    void line(const std::string& text) { text_ += text + "\n"; }
    // A name is written once for all rows below it.
    void row(std::string_view name, const std::string& value, Tone tone = Tone::plain) {
        std::string label(name == last_ ? "" : name);
        last_ = name;
        label.resize(12, ' ');
        line("  " + label + painted(tone, value));
    }
    std::string take() { return std::move(text_); }

private:
    Colour colour_;
    std::string text_;
    std::string last_;
};

// What comes from the server's settings and from other hosts must not drive the terminal.
std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        result += byte < 0x20 || byte == 0x7f ? ' ' : c;
    }
    return result;
}

std::string after(std::string_view separator, std::string_view text) {
    return text.empty() ? std::string() : std::string(separator) + printable(text);
}

std::string since(const std::optional<Instant>& moment, Instant now) { return age_text(now - moment.value_or(now)); }

std::string server_version(int number) {
    return number == 0 ? "" : std::to_string(number / 10'000) + "." + std::to_string(number % 10'000);
}

// Why it is not ready, in the words that help most.
std::string reason_of(const InstanceStatus& status) {
    if (!status.reason.empty()) return status.reason;
    if (!status.ready_reason.empty()) return status.ready_reason;
    return status.live ? "" : status.live_reason;
}

void headline(Writer& out, const InstanceStatus& status) {
    std::string line = printable(status.instance) + " (" + printable(status.cluster) + "): ";
    const bool bad = status.phase == Phase::failed || status.phase == Phase::isolated || !status.live;
    const auto tone = bad ? Tone::bad : status.ready ? Tone::good : Tone::doubtful;
    std::string state(to_string(status.phase));
    if (status.role != Role::none) state += ", " + std::string(to_string(status.role));
    state += status.ready ? ", ready" : ", not ready";
    line += out.painted(tone, state);
    if (!status.ready) line += after(": ", reason_of(status));
    out.line(line);
    if (status.ready && !status.reason.empty()) out.row("note", printable(status.reason), Tone::doubtful);
    if (!status.hint.empty()) out.row("hint", printable(status.hint), Tone::doubtful);
    if (status.fenced) {
        const auto& since = status.fenced->since;  // empty: the fence is not on the volume yet
        out.row("fenced", (since.empty() ? "now" : "since " + printable(since)) + after(": ", status.fenced->reason),
                Tone::bad);
    }
    if (!status.live) out.row("liveness", "fails" + after(": ", status.live_reason), Tone::bad);
}

void progress(Writer& out, const InstanceStatus& status) {
    if (!status.progress) return;
    const auto& work = *status.progress;
    const Duration elapsed = work.since ? status.now - *work.since : Duration::zero();
    std::string text = work_text(printable(work.what), work.done_bytes, work.total_bytes, elapsed);
    if (work.since) text += ", for " + since(work.since, status.now);
    out.row("progress", text);
}

void postgres(Writer& out, const InstanceStatus& status) {
    const auto& server = status.postgres;
    std::string text = server.pid == 0 ? "not running" : "pid " + std::to_string(server.pid);
    if (server.version != 0) text = server_version(server.version) + ", " + text;
    if (server.pid != 0 && server.started_at) text += ", up " + since(server.started_at, status.now);
    if (server.restarts > 0) {
        text += ", " + std::to_string(server.restarts) + (server.restarts == 1 ? " crash restart" : " crash restarts");
    }
    if (server.checksums) text += *server.checksums ? ", checksums on" : ", checksums off";
    out.row("postgres", text, server.restarts > 0 ? Tone::doubtful : Tone::plain);
    if (server.silent_since) {
        out.row("postgres",
                "does not answer for " + since(server.silent_since, status.now) + after(": ", server.silent_reason),
                Tone::bad);
    }
    if (status.pending_restart) {
        std::string names;
        for (const auto& name : status.pending_restart_parameters)
            names += (names.empty() ? "" : ", ") + printable(name);
        out.row("postgres", "needs a restart" + after(" for ", names) + " (pgbosun restart)", Tone::doubtful);
    }
}

void position(Writer& out, const InstanceStatus& status) {
    const auto& lsn = status.lsn;
    std::string text;
    if (lsn.current) text = to_string(*lsn.current);
    if (lsn.replayed) text = "replayed " + to_string(*lsn.replayed);
    if (lsn.received) text += (text.empty() ? "" : ", ") + ("received " + to_string(*lsn.received));
    if (status.timeline)
        text += (text.empty() ? "timeline " : ", timeline ") + std::to_string(number(*status.timeline));
    if (!text.empty()) out.row("lsn", text);
    if (status.role != Role::standby) return;
    const std::string from = lsn.sender ? " from " + printable(*lsn.sender) : "";
    const bool named = status.managed && status.managed->upstream && !status.managed->upstream->empty();
    const bool of_source = named && *status.managed->upstream == archive_source;
    std::string stream = lsn.streaming                   ? "streaming" + from
                         : lsn.from_archive && of_source ? "replays the source's archive"
                         : lsn.from_archive              ? "replays the archive"
                                                         : "not streaming";
    if (lsn.from_archive && status.archive && status.archive->awaited)
        stream += ", waits for " + printable(*status.archive->awaited);
    if (lsn.lag_bytes) stream += ", " + bytes_text(*lsn.lag_bytes) + " behind";
    if (lsn.replay_paused) stream += ", replay is paused";
    if (status.synchronous) stream += ", synchronous";
    if (named && !of_source) {
        stream += (lsn.sender ? ", told to follow " : ", of ") + printable(*status.managed->upstream);
    }
    if (status.managed && status.managed->apply_delay) stream += ", replays late on purpose";
    const bool follows = lsn.streaming || lsn.from_archive;
    out.row("upstream", stream, follows && !lsn.replay_paused ? Tone::plain : Tone::doubtful);
}

// What nobody reads by holds WAL back until it does, or until the disk is full. On a standby they are copies.
void idle_slots(Writer& out, const InstanceStatus& status) {
    if (status.role != Role::primary) return;
    for (const auto& slot : status.slots) {
        if (slot.active) continue;
        std::string text = printable(slot.name) + ", " + printable(slot.type) + ", nobody reads by it";
        if (slot.kept_bytes) text += ", keeps " + bytes_text(*slot.kept_bytes) + " of WAL";
        if (slot.wal_status == "lost") text += ", and what it needs is gone";
        out.row("slots", text, Tone::doubtful);
    }
}

void standbys(Writer& out, const InstanceStatus& status) {
    if (status.role != Role::primary) return;
    if (status.standbys.empty()) return out.row("standbys", "none");
    std::size_t widest = 0;
    for (const auto& standby : status.standbys) widest = std::max(widest, standby.name.size());
    for (const auto& standby : status.standbys) {
        auto text = printable(standby.name);
        text.resize(std::min<std::size_t>(widest, 63) + 2, ' ');
        text += printable(standby.state) + after(", ", standby.sync);
        if (standby.replay_lag_bytes) text += ", " + bytes_text(*standby.replay_lag_bytes) + " behind";
        out.row("standbys", text, standby.state == "streaming" ? Tone::plain : Tone::doubtful);
    }
}

void members(Writer& out, const InstanceStatus& status) {
    if (!status.managed) return;
    for (const auto& member : status.managed->silent) {
        out.row("members",
                printable(member.name) + " is asked in vain for " + since(member.since, status.now) +
                    after(": ", member.why),
                Tone::bad);
    }
}

void archive(Writer& out, const InstanceStatus& status) {
    if (!status.archive) return out.row("archive", "none", Tone::doubtful);
    const auto& report = *status.archive;
    std::string text = printable(report.target);
    if (report.last_wal) text += ", last " + printable(*report.last_wal);
    if (report.last_at) text += " at " + printable(*report.last_at);
    if (report.backlog > 0) text += ", " + std::to_string(report.backlog) + " waiting";
    out.row("archive", text);
    if (report.stream.position) {
        out.row("stream",
                "to " + to_string(*report.stream.position) + " at " + printable(report.stream.at.value_or("")));
    }
    if (report.stream.failing_since) {
        out.row("stream",
                "failing since " + printable(*report.stream.failing_since) +
                    after(": ", report.stream.last_error.value_or("")),
                Tone::bad);
    }
    if (status.archive_refused)
        out.row("archive", "not archiving: " + printable(*status.archive_refused), Tone::doubtful);
    if (report.restore_error) {
        out.row("restore",
                "failing since " + printable(report.restore_failing_since.value_or("")) + ": " +
                    printable(*report.restore_error),
                Tone::bad);
    }
    if (report.failing_since) {
        out.row("archive",
                "failing since " + printable(*report.failing_since) + after(": ", report.last_error.value_or("")),
                Tone::bad);
    }
}

std::string running_text(const RunningJob& job, Instant now) {
    std::string text = printable(job.id) + (job.id.empty() ? "" : ": ") +
                       work_text(printable(job.step), job.done_bytes, job.total_bytes, now - job.since);
    text += ", for " + age_text(now - job.since);
    return job.cancelling ? text + ", being cancelled" : text;
}

void backups(Writer& out, const InstanceStatus& status) {
    if (!status.archive) return;
    const auto& backup = status.backup;
    if (backup.running) out.row("backup", "runs: " + running_text(*backup.running, status.now));
    if (backup.last_id) {
        out.row("backup", "last " + printable(*backup.last_id) + after(" at ", backup.last_at.value_or("")) +
                              after(", next ", backup.next_at.value_or("")));
    } else if (backup.count) {
        out.row("backup", "none" + after(", next ", backup.next_at.value_or("")), Tone::doubtful);
    }
    if (backup.first_recoverable_at) {
        out.row("backup", "recoverable from " + printable(*backup.first_recoverable_at) +
                              after(" to ", backup.recoverable_to.value_or("")));
    }
    if (backup.hole_count > 0) {
        std::string first = backup.holes.empty() ? "" : backup.holes.front();
        if (backup.hole_count > 1) first += " and " + std::to_string(backup.hole_count - 1) + " more";
        out.row("backup", "hole in the WAL: " + printable(first), Tone::bad);
    }
    const bool failed_since = backup.last_failed_at && (!backup.last_at || *backup.last_failed_at > *backup.last_at);
    if (failed_since) {
        out.row("backup",
                "failed at " + printable(*backup.last_failed_at) + after(": ", backup.last_error.value_or("")),
                Tone::bad);
    }
    if (backup.catalog_error)
        out.row("backup", "the catalog cannot be read: " + printable(*backup.catalog_error), Tone::doubtful);
}

void drills(Writer& out, const InstanceStatus& status) {
    const auto& drill = status.drill;
    if (drill.running) out.row("drill", "runs: " + running_text(*drill.running, status.now));
    if (!drill.last_at) {
        if (drill.next_at) out.row("drill", "none yet, next " + printable(*drill.next_at));
        return;
    }
    std::string text = drill.last_ok.value_or(false) ? "passed at " : "FAILED at ";
    text += printable(*drill.last_at) + after(", backup ", drill.last_id.value_or(""));
    if (drill.last_ok.value_or(false) && drill.recovery_s) {
        text += ", recovered in " + age_text(std::chrono::seconds(static_cast<std::int64_t>(*drill.recovery_s)));
    }
    text += after(": ", drill.last_error.value_or(""));
    out.row("drill", text, drill.last_ok.value_or(false) ? Tone::plain : Tone::bad);
}

void volumes(Writer& out, const InstanceStatus& status) {
    for (const auto& volume : status.volumes) {
        auto text = printable(volume.name) + ": ";
        auto tone = Tone::plain;
        if (volume.total_bytes > 0) {
            text += bytes_text(volume.available_bytes) + " free of " + bytes_text(volume.total_bytes) + ", ";
            if (volume.available_bytes < volume.total_bytes / nearly_full) tone = Tone::doubtful;
        }
        text += printable(volume.path);
        out.row("volumes", text, tone);
        if (volume.hangs_since) {
            out.row("volumes", printable(volume.name) + ": a write hangs for " + since(volume.hangs_since, status.now),
                    Tone::bad);
        }
        if (volume.full_since) {
            out.row("volumes", printable(volume.name) + ": full for " + since(volume.full_since, status.now),
                    Tone::bad);
        }
        if (volume.error) {
            out.row("volumes", printable(volume.name) + ": " + printable(*volume.error), Tone::bad);
        }
    }
}

void log(Writer& out, const InstanceStatus& status) {
    if (status.log.blocked_since) {
        out.row("log",
                "nobody reads stdout for " + since(status.log.blocked_since, status.now) + ", " +
                    bytes_text(status.log.waiting_bytes) + " waiting",
                Tone::bad);
    }
    const std::uint64_t lost = status.log.lost_lines;
    if (lost > 0) out.row("log", std::to_string(lost) + (lost == 1 ? " line was lost" : " lines were lost"), Tone::bad);
}

}  // namespace

std::string status_text(const InstanceStatus& status, Colour colour) {
    Writer out(colour);
    headline(out, status);
    progress(out, status);
    postgres(out, status);
    position(out, status);
    standbys(out, status);
    idle_slots(out, status);
    members(out, status);
    archive(out, status);
    backups(out, status);
    drills(out, status);
    volumes(out, status);
    log(out, status);
    return out.take();
}

}  // namespace pgbosun::app
