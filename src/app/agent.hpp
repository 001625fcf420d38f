#pragma once
// PID 1 put together: every adapter, the instance under supervision, and the order in which they begin and end.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/archiver_process.hpp"
#include "app/encryption_key_check.hpp"
#include "app/exit_code.hpp"
#include "app/guarding.hpp"
#include "app/proc_table.hpp"
#include "app/query_files.hpp"
#include "app/secret_watch.hpp"
#include "app/settings_reader.hpp"
#include "app/version_question.hpp"
#include "host/boot_clock.hpp"
#include "host/boot_timer.hpp"
#include "host/child_processes.hpp"
#include "host/fifo_lines.hpp"
#include "host/log_queue.hpp"
#include "host/signals.hpp"
#include "host/volume_opening.hpp"
#include "host/volume_watch.hpp"
#include "host/worker_file_system.hpp"
#include "http/agent_client.hpp"
#include "http/server.hpp"
#include "pgbosun/settings.hpp"
#include "postgres/libpq_session.hpp"
#include "supervision/broadcast.hpp"
#include "supervision/instance.hpp"

namespace pgbosun::app {

class Agent {
public:
    // run_dir exists, and the process is the user that it stays. All that is borrowed outlives the agent.
    Agent(boost::asio::io_context& loop, host::Signals& signals, host::ChildProcesses& processes,
          host::VolumeOpening& opening, Settings settings);
    ~Agent();

    // Not called before run(): the volume is waited for while the agent answers already, and says which one hangs.
    void take_volume(host::OpenedVolume volume);
    // Returns the exit status.
    int run();

private:
    struct WatchedVolume {
        std::string name;
        std::string path;
        std::unique_ptr<host::VolumeWatch> watch;
    };

    supervision::Machine look_at_machine() const;
    supervision::Instance::Wiring wiring();
    std::unique_ptr<PgSession> open_session(const std::string& database, const std::string& user);
    supervision::ClusterWiring cluster_wiring();
    Task<Result<PromiseAnswer>> ask_member(Peer member, PromiseRequest request);
    Task<Result<InstanceStatus>> look_at_member(Peer member);
    Result<http::AgentClient> client_of(const Peer& member);
    Task<Result<std::unique_ptr<PgSession>>> open_upstream(std::string conninfo);
    Result<> open_log_fifos();
    // `pgbosun-archiver`, as its service or with a command.
    Command archiver_command(std::vector<std::string> arguments) const;
    supervision::ArchiverProgram archiver_program() const;
    void follow_recovery(supervision::Recovering recovering);
    void watch_volumes();
    std::vector<VolumeStatus> volumes(Instant now) const;
    void listen_to_signals();
    void under_pressure(host::LogPressure pressure);
    void relay(std::string_view program, std::string_view line);
    void postgres_logged(std::string_view line);
    Task<> begin();
    Task<Result<>> wait_for_volume();
    Task<> keep_archiving();
    Task<> give_up(Fault fault, ExitCode code);
    Task<> renew_guard();
    Task<> watch_files();
    Task<> reload();
    // Of the files: configuration, and what the HTTP server and the archiver read. They keep the old on a Fault.
    Task<Result<>> read_files();
    Task<Result<>> take_files();
    Task<Result<http::ServerFiles>> read_http_files(HttpSettings http);
    Task<Result<>> parameters_taken(Settings settings);
    Task<Result<>> keys_are_keys(std::vector<KeyFile> files);
    Task<QueriesToRun> read_metric_queries(MetricsSettings metrics);
    // Says what is wrong with them and remembers them; those that are to be run.
    std::vector<postgres::MetricQuery> take_queries(QueriesToRun queries);
    postgres::MetricsPlan metrics_plan();
    static void tell(const postgres::QueryNews& news);
    Task<> store_settings();
    [[nodiscard]] std::string accepted_settings() const;
    [[nodiscard]] Result<Settings> read_configuration(std::string_view text) const;
    [[nodiscard]] std::vector<std::string> watched_files() const;
    void say_why_it_ends(int exit_status);
    Task<> finish(int exit_status);

    boost::asio::io_context& loop_;
    host::Signals& signals_;
    Settings settings_;
    host::BootClock clock_;
    host::ChildProcesses& processes_;
    host::VolumeOpening& opening_;
    std::optional<host::VolumeLock> lock_;  // none: the volume has not answered yet
    ProcTable process_table_;
    host::WorkerFileSystem files_;
    host::WorkerFileSystem mounted_files_;  // of others: when their volume hangs, a fence is still written
    postgres::LibpqSession session_;
    std::unique_ptr<Guarding> guard_;
    supervision::Surroundings surroundings_;
    std::vector<WatchedVolume> volumes_;
    std::vector<std::unique_ptr<host::FifoLines>> log_fifos_;
    VersionQuestion version_;
    host::BootTimer timer_;
    SecretWatch secret_watch_;
    std::unique_ptr<supervision::Instance> instance_;
    std::unique_ptr<http::Server> server_;
    QueriesOfFiles queries_of_files_;
    http::ServerFiles http_files_;               // as last taken; peers are asked with the same
    std::shared_ptr<http::ClientTls> peer_tls_;  // made of them, for all peers together; null: nobody was asked since
    std::unique_ptr<ArchiverProcess> archiver_;
    // Of bootstrap.recovery.source, while the instance recovers from it; stopped ones stay until they have ended.
    std::vector<std::unique_ptr<ArchiverProcess>> recovery_archivers_;
    ArchiveOrder last_order_;
    supervision::Broadcast read_files_ended_;
    bool reading_files_ = false;
    bool ending_ = false;
    int exit_status_ = 0;
};

}  // namespace pgbosun::app
