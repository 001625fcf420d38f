#pragma once
// One instance under supervision, as the HTTP API sees it: ties together the supervisor, the performer, the monitor,
// the journal and the status. Control thread only.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/instance_control.hpp"
#include "postgres/metrics.hpp"
#include "supervision/instance_journal.hpp"
#include "supervision/jobs.hpp"
#include "supervision/member_contact.hpp"
#include "supervision/membership.hpp"
#include "supervision/metrics_rhythm.hpp"
#include "supervision/monitor.hpp"
#include "supervision/notices.hpp"
#include "supervision/performer.hpp"
#include "supervision/replay_watch.hpp"
#include "supervision/role_upkeep.hpp"
#include "supervision/slot_upkeep.hpp"
#include "supervision/status.hpp"
#include "supervision/supervisor.hpp"
#include "supervision/synchronous_sight.hpp"
#include "supervision/synchronous_upkeep.hpp"
#include "supervision/volume_room.hpp"
#include "supervision/work_watch.hpp"

namespace pgbosun::supervision {

enum class Recovering { no, yes };

// What a managed cluster needs beside all else.
struct ClusterWiring {
    RecordCodec codec;
    std::function<void(std::optional<Instant>)> guard;  // when postgres must be dead
    std::function<Task<Result<PromiseAnswer>>(Peer member, PromiseRequest request)> ask;
    std::function<Task<Result<InstanceStatus>>(Peer member)> look_at;
};

class Instance final : public InstanceControl, private Witness {
public:
    struct Wiring {
        std::string boot_id;
        JournalCodec journal_codec;
        OutputLine output;
        std::function<void(int exit_status)> end;
        // Reads the settings anew, in place; a Fault: they stay as they were.
        std::function<Task<Result<>>()> read_settings;
        std::function<void(const ArchiveOrder&)> archive_order;  // told at every change
        std::function<std::vector<VolumeStatus>(Instant now)> volumes;
        std::function<LogStatus()> log;
        // Since when, and why, no process can be made; none: they can.
        std::function<std::optional<Shortage>()> shortage;
        // Arms the one timer of the state machine; nothing: disarms it. When it fires: deadline_passed().
        std::function<void(std::optional<Instant>)> arm;
        std::unique_ptr<postgres::MetricsCollector> metrics;
        decltype(JobCalls::next_moment) next_moment;
        // Told when PostgreSQL begins and ends to be recovered from bootstrap.recovery.source, or to follow it: the source's
        // archiver is needed for it.
        std::function<void(Recovering)> recovering;
        std::optional<ClusterWiring> cluster;  // none: standalone
    };

    Instance(Surroundings& outside, const Settings& settings, Wiring wiring);

    // Status is kept true from here on, also of what has no event of its own.
    void attend();
    // Recalls journal and fence, then begins.
    void begin();
    void end(instance::StopMode mode);
    // When Wiring::end was called: returns when the process may go.
    Task<> take_leave();
    void deadline_passed();
    void guard_lost();
    // The settings have been replaced in place by the owner.
    void settings_changed();
    void replace_metric_queries(std::vector<postgres::MetricQuery> queries) {
        wiring_.metrics->replace(std::move(queries));
        metrics_rhythm_.forget();
    }
    void archive_reported(ArchiveReport report);
    // Whether it replays the archive of the cluster that its own one follows.
    [[nodiscard]] bool follows_archive() const { return membership_ && performer_.follows_archive(); }
    // Whether it follows its cluster's primary by their archive alone, as it is configured to.
    [[nodiscard]] bool replays_own_archive() const;
    // Of the archiver of bootstrap.recovery's source, while it is there.
    void recovery_reported(const ArchiveReport& report);
    // PostgreSQL has logged that a standby asked for WAL that is no longer there.
    void note_wal_gone() { wal_gone_at_ = outside_.clock.now(); }
    // PostgreSQL has logged, once more, that it is at the end of the WAL that it can get.
    void note_waits_for_wal();
    void note_fatal(std::string message) { performer_.note_fatal(std::move(message)); }

    InstanceJournal& journal() { return journal_; }
    [[nodiscard]] bool jobs_idle() const { return jobs_.idle(); }

    const InstanceStatus& status() override;
    [[nodiscard]] std::uint64_t status_revision() const override { return revision_; }
    Task<ControlAnswer> command(ControlRequest request) override;
    Task<RightAnswer> assign(Assignment assignment) override;
    Task<RightAnswer> promise(PromiseRequest request) override;
    Task<JobAnswer> job(JobRequest request) override { return jobs_.ask(std::move(request)); }
    const CatalogSummary* catalog() override { return jobs_.catalog(); }
    std::vector<MetricFamily> metrics() override;

private:
    void saw(const instance::InstanceState& before, const instance::Event& event,
             const instance::Decision& decision) override;
    JobCalls job_calls();
    void handle(const instance::Event& event);
    void changed();
    void keep_roles();
    void follow_recovery(const instance::InstanceState& after);
    void follow_standbys();
    Task<> recall_and_begin();
    Task<> refresh_each_second();
    Task<> make_roles();
    void keep_metrics(Duration oldest);
    Task<> refresh_metrics();
    // Of a managed cluster; see instance_cluster.cpp.
    Membership::Calls membership_calls();
    Performer::Calls performer_calls();
    instance::Local local();
    void note_position();
    [[nodiscard]] std::optional<Duration> reach_age(Instant now) const;
    void notice();
    void note_leave(instance::StopMode mode);
    void add_managed(InstanceStatus& status, Instant now);
    Task<> accompany();
    Task<> accompany_standby();
    Task<> accompany_archive();
    void accompany_own_archive(const Peer& upstream);
    void note_awaited(const ArchiveReport& report);
    void forget_old_data();
    Task<> watch_primary();
    [[nodiscard]] std::optional<Peer> primary_streamed_from() const;
    // Of replication slots; see instance_slots.cpp.
    Task<> keep_slots();
    [[nodiscard]] std::string slot_at_upstream() const;
    [[nodiscard]] std::string slots_to_confirm() const;
    [[nodiscard]] SlotUpkeep::Situation slot_situation();
    void serve_source_archive();
    void watch_restored_clone();
    Task<bool> is_counted(const Peer& upstream, const std::string& primary, Term term, Timeline timeline);
    // Every question to another member is one of these two.
    Task<Result<PromiseAnswer>> ask_promise(Peer member, PromiseRequest request);
    Task<Result<InstanceStatus>> look_at(Peer member);
    void note_contact(const std::string& member, const std::optional<Fault>& lack);
    void accompany_primary();
    Task<Result<>> losing_data();
    [[nodiscard]] bool is_promoted_by_hand(const instance::InstanceState& before, const instance::Event& event) const;
    Task<> promoted_by_hand();
    [[nodiscard]] bool unsettled() const;
    [[nodiscard]] std::optional<ArchiveReport> archive() const;
    std::vector<VolumeStatus> volumes(Instant now);
    [[nodiscard]] int synchronous_number() const;
    SourceReading source_reading(Instant now);

    Task<std::optional<Fault>> reason_against_demotion(std::string upstream, bool force);
    ControlAnswer not_asked(const ControlRequest& request, Answer answer, const Fault& why);
    std::optional<ControlAnswer> judge(Verb verb, std::uint64_t checkpoints, std::uint64_t reloads,
                                       std::uint64_t launches) const;
    [[nodiscard]] instance::Policy policy() const;

    Surroundings& outside_;
    const Settings& settings_;
    Wiring wiring_;
    InstanceJournal journal_;
    Performer performer_;
    Supervisor supervisor_;
    Monitor monitor_;
    std::unique_ptr<Membership> membership_;  // none: standalone
    Position position_;  // the furthest that the data was seen to reach, since it was last replaced
    std::optional<std::uint64_t> wal_read_in_run_;  // ServerFacts::run, of the last server that had read all of its WAL
    SynchronousUpkeep synchronous_;
    SynchronousSight counted_;  // as a standby
    MemberContact contact_;
    std::optional<Instant> leaves_since_;  // it was asked to end as a primary that another one can follow
    std::optional<Instant> wal_gone_at_;
    // A launched standby that follows nobody has said so again and again, from the first to the second.
    Instant waits_for_wal_since_{}, waits_for_wal_at_{};
    Lsn replayed_;  // as it was when it last moved, at
    Instant replayed_at_{};
    bool old_data_looked_for_ = false;
    std::uint64_t restored_files_ = 0;  // that the archiver has given back, as it was when it last grew, at
    Instant restored_at_{};
    // Of a cluster that follows another one's archive.
    bool source_served_ = false;  // its archiver runs for that
    Instant source_wanted_at_{}, source_looked_at_{};
    std::optional<Instant> awaits_since_;    // it has replayed all that the archive has, and waits for a segment
    std::optional<Instant> archive_end_at_;  // when that was last so
    RoleUpkeep role_upkeep_;
    SlotUpkeep slot_upkeep_;
    VolumeRoom room_;
    ReplayWatch replay_;
    WorkWatch work_;
    Jobs jobs_;
    Broadcast changed_;
    InstanceStatus status_;
    Noticed noticed_;
    std::uint64_t revision_ = 0;
    bool stale_ = true;                       // status_ is to be assembled anew
    const ControlRequest* asking_ = nullptr;  // while the supervisor decides about it
    std::uint64_t launches_ = 0;
    std::uint32_t crash_restarts_ = 0;
    std::optional<ArchiveReport> archive_;
    std::optional<ArchiveReport> recovery_archive_;  // of the source that it recovers from, or follows
    std::optional<ArchiveOrder> last_order_;
    MetricsRhythm metrics_rhythm_;
};

}  // namespace pgbosun::supervision
