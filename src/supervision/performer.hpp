#pragma once
// Performs the supervisor's actions on the real machine, through ports, and answers with events. An answer whose
// question is no longer open is dropped here (see `inspection_number_`), so that decide() sees each at most once.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "instance/events.hpp"
#include "pgbosun/instance_status.hpp"
#include "postgres/configuration.hpp"
#include "supervision/bootstrap.hpp"
#include "supervision/broadcast.hpp"
#include "supervision/effects.hpp"
#include "supervision/foreign_wal.hpp"
#include "supervision/held_data.hpp"
#include "supervision/inspection.hpp"
#include "supervision/preparation.hpp"
#include "supervision/rejoiner.hpp"
#include "supervision/surroundings.hpp"
#include "supervision/trusted_wal.hpp"

namespace pgbosun::supervision {

// A line of PostgreSQL's or of a tool's output that does not come through the log's FIFO.
using OutputLine = std::function<void(std::string_view program, std::string_view line)>;

class Performer final : public Effects {
public:
    using Answer = std::function<void(const instance::Event&)>;
    struct Calls {
        Answer answer;
        OutputLine output;
        std::function<void(int exit_status)> end;
        std::function<void()> changed;  // something that status shows
        LookAtCatalog look_at_catalog;
        std::function<bool()> promotes;  // the promotion that was begun is still wanted
        // In a cluster: the conninfo of the primary that it is to follow, or archive_source; empty: of nobody. Standalone: no
        // function.
        std::function<std::string()> primary;
        // In a cluster: the conninfo to stream from when the data has been compared with the primary's; empty: of nobody.
        std::function<std::string()> upstream;
        // In a cluster: the slot by which it streams from there; empty: by none.
        std::function<std::string()> slot;
        // In a cluster: the primary to follow is another cluster's, and what it writes is not in the archive of this one: there
        // are timelines of this one's own, of the same numbers.
        std::function<bool()> foreign_wal;
        // In a cluster: whether an empty volume may become a new one.
        std::function<bool()> may_initialise;
        Rejoiner::Calls rejoin;
    };

    // `settings` is read anew for each action: the owner may replace it between two.
    Performer(Surroundings& outside, const Settings& settings, Calls calls);

    void perform(const instance::Action& action) override;

    // What the next fence on disk says, and what an earlier life left there.
    void set_fence(FenceStatus fence) { fence_ = std::move(fence); }
    [[nodiscard]] const std::optional<FenceStatus>& fence() const { return fence_; }
    // Reads the fence; repeated until the volume answers, for a fence must never be overlooked.
    Task<bool> recall_fence();

    // Whom a demotion follows that names `named`; empty: it names nobody, so the configured one, or else whom the last one
    // named. Empty: nobody is known.
    [[nodiscard]] std::string upstream_of_demotion(const std::string& named) const;
    // It is on disk before standby.signal is, for whom a standby follows must outlive this process.
    void set_upstream(const std::string& conninfo);
    Task<> recall_upstream();
    [[nodiscard]] std::string upstream() const;

    // In a cluster: the primary that the running standby was compared with and follows, if through another standby; empty:
    // nobody.
    [[nodiscard]] const std::string& followed() const { return followed_; }
    // It replays the archive of the cluster that its own one follows, and was compared with that.
    [[nodiscard]] bool follows_archive() const { return followed_ == archive_source && calls_.foreign_wal(); }
    // What PostgreSQL's configuration says of it.
    [[nodiscard]] const std::string& written_upstream() const { return written_upstream_; }
    [[nodiscard]] Instant written_upstream_at() const {
        return written_upstream_at_;
    }  // when it last became another one
    // WAL that it needs is nowhere any more: the next rejoin clones it.
    void note_wal_gone() { wal_gone_ = true; }
    // A person wants the standby's data replaced, whatever it is: its next rejoin clones it. Forgotten when it becomes the
    // primary first.
    void ask_for_clone() { clone_asked_ = true; }
    [[nodiscard]] bool is_clone_asked() const { return clone_asked_; }
    // What was launched last came from the archive, and has not streamed yet.
    [[nodiscard]] bool is_restored_clone() const { return restored_clone_; }
    // Its own WAL ends before its data is whole: the next rejoin clones it.
    void note_unusable() { unusable_starts_ = most_unusable_starts; }
    void forget_old_data() { start(rejoiner_.forget_old_data(settings_)); }

    // PostgreSQL's value of synchronous_standby_names, where a controller decides it; written by the next Reload, and
    // before a promotion.
    void set_synchronous(std::string value) { synchronous_ = std::move(value); }
    [[nodiscard]] const std::optional<std::string>& synchronous() const { return synchronous_; }
    // Launched as a primary with synchronous standbys, it lets clients in from the Reload after admit_clients() on: what it
    // recovered may have been acknowledged to nobody, and be on no standby.
    [[nodiscard]] bool holds_clients() const { return holds_clients_ && postmaster_; }
    void admit_clients() { holds_clients_ = false; }

    // synchronized_standby_slots; written by the next Reload.
    void set_confirming_slots(std::string value) { confirming_slots_ = std::move(value); }
    [[nodiscard]] const std::string& confirming_slots() const { return confirming_slots_; }
    // The slot by which it streams, as PostgreSQL is told by the next Reload; empty: none.
    [[nodiscard]] std::string slot() const;
    // It streams by no slot, and should.
    [[nodiscard]] bool lacks_slot() const;
    // Makes it, if it is not there, and tells PostgreSQL whether it is.
    Task<> seek_slot();
    // It does not stream: the slot may have gone meanwhile, with a rewind of who has it, say.
    void renew_slot() { start(seek_slot()); }

    // The recovery is over: the next launch is told nothing of it.
    void forget_recovery() { start(remove_recovery_marker()); }

    // Sorted names of those that stream now, for synchronous_standby_names; written by the next Reload.
    void set_connected_standbys(std::vector<std::string> names) { connected_standbys_ = std::move(names); }
    [[nodiscard]] const std::vector<std::string>& connected_standbys() const { return connected_standbys_; }

    [[nodiscard]] const std::optional<Inspection>& inspection() const { return inspection_; }
    // No server was started since the inspection. What a rejoin changes is said to be lost first (Rejoiner::Calls).
    [[nodiscard]] bool is_as_inspected() const { return inspection_.has_value() && !changed_since_inspection_; }
    [[nodiscard]] std::optional<ProcessId> postmaster() const { return postmaster_; }
    // In a cluster: of a server that still runs and has come to the end of its shutdown: it writes nothing more.
    [[nodiscard]] const std::optional<postgres::ControlData>& shut_down() const { return shut_down_; }
    [[nodiscard]] std::optional<Instant> postmaster_since() const { return postmaster_since_; }
    [[nodiscard]] const std::optional<ProgressStatus>& progress() const {
        return rejoiner_.progress() ? rejoiner_.progress() : bootstrapper_.progress();
    }
    // Why the last thing that failed did, for status: room, volume, launch, exit of the postmaster.
    [[nodiscard]] const std::string& reason() const { return reason_; }
    [[nodiscard]] const std::string& hint() const { return hint_; }
    void clear_reason() { set_reason({}, {}); }
    // The end of the last CHECKPOINT, and of the last reload: its count is of all that was asked for before that began.
    struct Ending {
        std::uint64_t count = 0;
        Result<> result;
    };
    [[nodiscard]] const Ending& last_checkpoint() const { return last_checkpoint_; }
    [[nodiscard]] const Ending& last_reload() const { return last_reload_; }
    [[nodiscard]] std::uint64_t reloads_asked() const { return reloads_asked_; }
    // The newest FATAL or PANIC that PostgreSQL has logged.
    void note_fatal(std::string message) { last_fatal_ = std::move(message); }

private:
    void set_reason(std::string reason, std::string hint);
    Task<> inspect();
    Task<> refuse_new_data(Inspection& found);
    Task<> bootstrap();
    Task<> rejoin();
    Task<> follow();
    bool is_namesake_there(const NamesakeFacts& facts);
    void note_parted(const instance::RejoinPlan& plan, const std::string& from);
    void forget_parted();
    Task<> clear_strays();
    Task<> mark_standby();
    Task<Result<>> forget_upstream();
    Task<> check_room();
    Task<> launch();
    Task<Result<>> prepare_launch();
    [[nodiscard]] postgres::RestoresFrom restores_from(bool by_archive) const;
    Task<Result<postgres::ConfigurationFacts>> configuration_facts(const std::string& upstream_now);
    Task<> make_slot(std::string upstream);
    // Writes PostgreSQL's configuration as it is to be now.
    Task<Result<>> configure(AutoConf auto_conf);
    Task<> remove_recovery_marker();
    void postmaster_exited(ExitStatus status);
    Task<> look_at_rest();
    Task<> watch_shutdown();
    Task<> conclude_failed_exit(ExitStatus status, bool recovering);
    [[nodiscard]] bool ends_standby_for_good() const;
    void explain_exit(ExitStatus status);
    void stop(instance::StopMode mode);
    void kill();
    Task<> checkpoint(Duration limit);
    Task<> promote();
    Task<> conclude_promotion();
    Task<bool> sees_synchronous(PgSession& session);
    Task<bool> may_see_own_archive(PgSession& session);
    Task<Result<>> note_foreign_wal();
    Task<> keep_reloading();
    Task<> reload();  // returns when one that begins after this call is over
    Task<Result<>> reload_once();
    Task<> reconcile_fence();
    void start(Task<> task);

    Surroundings& outside_;
    const Settings& settings_;
    Calls calls_;
    Bootstrapper bootstrapper_;
    Rejoiner rejoiner_;
    TrustedWal trusted_wal_;
    std::uint64_t inspection_number_ = 0;
    std::optional<Inspection> inspection_;
    bool changed_since_inspection_ = false;
    std::optional<ProcessId> watched_shutdown_;
    std::optional<postgres::ControlData> shut_down_;
    std::optional<ProcessId> postmaster_;
    std::optional<Instant> postmaster_since_;
    enum class Launching { no, preparing, given_up };
    Launching launching_ = Launching::no;
    std::optional<FenceStatus> fence_;
    enum class FenceTask { none, store, remove };
    FenceTask fence_task_ = FenceTask::none;
    bool fence_task_running_ = false;
    std::string upstream_;
    bool alone_ = false;  // launched so: it follows nobody, and is promoted
    std::string followed_;
    std::string written_upstream_;
    Instant written_upstream_at_{};
    std::string slot_made_at_;  // where the slot is by which it streams
    bool making_slot_ = false, slot_lack_told_ = false;
    std::string confirming_slots_;
    bool restored_clone_ = false;
    ForeignWal foreign_wal_;
    HeldData held_data_;
    bool own_archive_free_ = false;  // of an earlier promotion, as far as it says
    bool following_ = false;         // a comparison is under way
    SourceArchive source_;
    Namesake namesake_;
    bool namesake_told_ = false;
    bool wal_gone_ = false;
    bool clone_asked_ = false;
    std::string_view parted_;  // instance::Attempts::parted, of
    std::string parted_from_;  // the primary at this conninfo
    // A standby that has replayed all it has is known at rest as what it is; a delayed one is not.
    static constexpr int most_rewinds_found = 3;
    int rewinds_found_ = 0;  // since it was last in step
    static constexpr int most_unusable_starts = 2;
    int unusable_starts_ = 0;  // in a row: PostgreSQL found that its data is not whole
    std::optional<std::string> synchronous_;
    bool holds_clients_ = false;
    std::vector<std::string> connected_standbys_;
    std::string reason_;
    std::string hint_;
    std::string last_fatal_;
    Ending last_checkpoint_;
    Ending last_reload_;
    std::uint64_t reloads_asked_ = 0;
    bool reloading_ = false;
    Broadcast reloaded_;
};

}  // namespace pgbosun::supervision
