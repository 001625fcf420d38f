#pragma once
// The configuration as plain values, checked and complete: every default is filled in. Read from YAML by src/app;
// the keys' meaning is in docs/configuration.md.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/hook_protocol.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

enum class Mode { standalone, managed };
enum class Compression { none, zstd, gzip, lz4 };
enum class SyncMethod { any, first };
enum class DataDurability { required, preferred };
enum class LogFormat { json, text };
enum class StartupStrategy { started, streaming, query };
enum class ReadyStrategy { query, streaming };
enum class BackupTarget { prefer_standby, primary };
enum class BadPages { report, fail };
enum class Inclusive { yes, no };
enum class Connections { any, encrypted };
enum class CloneFrom { quicker, primary, archive };

struct InitdbSettings {
    std::string database = "app";
    std::string owner = "app";
    std::optional<std::string> password_file;  // of the owner; none: the owner has no password
    std::optional<std::string> superuser_password_file;
    bool data_checksums = true;
    int wal_segment_size = 16;  // MB, a power of two from 1 to 1024
    std::string encoding = "UTF8";
    std::string locale = "C";
    std::optional<std::string> locale_collate, locale_ctype, locale_provider, icu_locale, icu_rules, builtin_locale;
    std::vector<std::string> post_init_sql;              // in database postgres, as superuser
    std::vector<std::string> post_init_template_sql;     // in template1
    std::vector<std::string> post_init_application_sql;  // in the application's database
    std::vector<std::string> options;                    // further arguments of initdb
};

struct JoinSettings {
    std::string primary_conninfo;  // without password
    std::optional<std::string> password_file;
    std::string max_rate;  // of pg_basebackup; empty: none
};

struct SynchronousSettings {
    SyncMethod method = SyncMethod::any;
    int number = 1;
    DataDurability data_durability = DataDurability::required;
    std::vector<std::string> standby_names;
};

struct ReplicationSettings {
    std::string user = "streaming_replica";
    std::optional<std::string> password_file;
    Connections connections = Connections::any;  // that `user` may make over the network
    bool stream = true;  // false: a standby of a cluster gets all WAL from the archive, and is never promoted
};

struct PostgresqlSettings {
    int port = 5432;
    std::string listen_addresses = "*";
    std::string bin_dir;  // resolved, absolute
    std::map<std::string, std::string> parameters;
    std::vector<std::string> pg_hba;
    std::vector<std::string> pg_ident;
    std::optional<SynchronousSettings> synchronous;
    ReplicationSettings replication;
    std::optional<std::string> wal_dir;  // pg_wal on a volume of its own
    Duration apply_delay{};              // a standby replays so much later than the primary committed; 0: at once
};

// Of a managed cluster. CloudNativePG's words.
struct ReplicationSlotSettings {
    bool high_availability = true;  // each standby streams by a slot of its own
    std::string slot_prefix = "_pgbosun_";
    bool synchronize_logical_decoding = false;  // PostgreSQL 17 and newer
    bool synchronize_replicas = true;           // physical slots of the primary are kept on its standbys too
    std::vector<std::string> exclude_patterns;  // POSIX extended regular expressions: slots that pgbosun never touches
    Duration update_interval = std::chrono::seconds(10);
    Duration member_slots_ttl = std::chrono::minutes(30);  // how long the slot of an absent standby holds WAL back
};

// A secret's value is read from its file each time it is needed; only paths and environment names are settings.
struct SecretSource {
    std::optional<std::string> file;
    std::optional<std::string> environment;
    [[nodiscard]] bool given() const { return file || environment; }
};

struct S3Credentials {
    SecretSource access_key_id;
    SecretSource secret_access_key;
    SecretSource session_token;
};

struct AzureCredentials {
    SecretSource account_key;  // base64
    SecretSource sas_token;
    SecretSource connection_string;
};

struct GcsCredentials {
    SecretSource service_account;  // JSON key file; none: HMAC keys when given, else the metadata server
};

// Objects are encrypted before they leave (AES-256-GCM).
struct EncryptionSettings {
    SecretSource key;                     // 32 bytes, raw, hexadecimal or base64
    std::vector<std::string> older_keys;  // files; objects written with them can still be read
};

// Which key an S3 store encrypts a new object with, when it is told.
enum class ServerSideEncryption { none, aes256, kms };

struct WalArchiveSettings {
    Compression compression = Compression::zstd;
    int level = 1;
    int max_parallel = 4;
};

struct DataArchiveSettings {
    Compression compression = Compression::zstd;
    int level = 1;
    int max_parallel = 4;
    bool immediate_checkpoint = true;
    std::uint64_t max_rate = 0;  // bytes read per second; 0: no limit
    BadPages bad_pages = BadPages::report;
};

struct ArchiveSettings {
    std::string destination;  // file:///path, s3://bucket/path, azure://account/container/path, gs://bucket/path
    std::string server_name;  // default: the cluster's name
    std::string endpoint_url;
    std::optional<std::string> endpoint_ca;  // PEM file
    std::string region = "us-east-1";
    bool path_style = true;
    S3Credentials credentials;
    AzureCredentials azure;
    GcsCredentials gcs;
    std::optional<EncryptionSettings> encryption;
    ServerSideEncryption server_side_encryption = ServerSideEncryption::none;  // S3
    std::string kms_key_id;  // of ServerSideEncryption::kms; empty: the account's own
    WalArchiveSettings wal;
    DataArchiveSettings data;
    std::string retention;  // "REDUNDANCY 3", "RECOVERY WINDOW OF 30 DAYS"; empty: nothing expires
    Duration stream{};      // how often the current segment's new bytes are shipped; 0: never
};

// Where recovery ends. None of them: at the end of the archive's WAL.
struct RecoveryTarget {
    std::optional<std::string> time, lsn, xid, name;  // at most one of these and `immediate`
    bool immediate = false;
    Inclusive inclusive = Inclusive::yes;
    std::string timeline = "latest";  // or "current", or a number
    [[nodiscard]] bool given() const { return time || lsn || xid || name || immediate; }
};

struct RecoverySettings {
    std::string backup = "latest";  // an identifier, a name, or "latest": the newest one that reaches the target
    RecoveryTarget target;
    std::optional<ArchiveSettings> source;           // none: the archive of this configuration
    std::map<std::string, std::string> tablespaces;  // name or oid -> absolute directory
};

struct BootstrapSettings {
    InitdbSettings initdb;
    CloneFrom clone_from =
        CloneFrom::quicker;           // of a managed instance; what cannot come from the archive comes from the primary
    bool keep_replaced_data = false;  // what a clone has replaced stays beside it until the next one
    std::optional<JoinSettings> join;          // given: an empty volume is cloned instead of initialised
    std::optional<RecoverySettings> recovery;  // given: it is restored from an archive
};

struct BackupSettings {
    std::string schedule;  // cron, seconds first; empty: none
    BackupTarget target = BackupTarget::prefer_standby;
    bool incremental = false;                          // PostgreSQL 17 and newer
    Duration full_every = std::chrono::hours(24 * 7);  // the chain's longest life, with incremental
};

// A restore into scratch beside the live instance, which proves a backup.
struct DrillSettings {
    std::string schedule;             // cron, seconds first; empty: none
    std::string directory;            // scratch; empty: <volume>/pgbosun/drill
    std::vector<std::string> checks;  // SQL, each must give one row with true
    bool amcheck = true;
    std::uint64_t max_bytes = 0;  // of scratch; 0: what leaves a tenth of the volume free
    std::string shared_buffers = "32MB";
};

struct ShutdownSettings {
    Duration smart_timeout = std::chrono::seconds(0);
    Duration timeout = std::chrono::seconds(60);
    Duration checkpoint_timeout = std::chrono::seconds(10);
};

struct RestartSettings {
    int intensity = 5;
    Duration period = std::chrono::seconds(60);
};

struct ProbeSettings {
    StartupStrategy startup = StartupStrategy::started;
    ReadyStrategy ready = ReadyStrategy::query;
    std::optional<std::uint64_t> max_lag_bytes;  // of a standby that is ready
};

struct HttpSettings {
    std::string listen = "0.0.0.0:8008";  // host:port; port 0: any
    std::optional<std::string> token_file, client_ca, cert_file, key_file;
    std::optional<std::string> ca_file;  // of the other instances' certificates; none: client_ca, else the system's
};

struct MetricsSettings {
    std::optional<std::string> listen;       // host:port of a second listener
    std::vector<std::string> queries_files;  // in CloudNativePG's custom query format
    bool default_queries = true;
    Duration cache_time = std::chrono::seconds(30);
};

struct LogSettings {
    LogFormat format = LogFormat::json;
    std::string level = "info";
};

struct MonitorSettings {
    Duration interval = std::chrono::seconds(1);  // between two gatherings of facts
    Duration query_timeout = std::chrono::seconds(5);
    // Managed: a primary that has had no connection free for so long counts as one that does not serve. 0: never.
    Duration exhausted_connections{};
    Duration volume_deadline = std::chrono::seconds(5);  // a write-and-fsync that takes longer hangs
};

struct LeaseSettings {
    Duration ttl = std::chrono::seconds(3);
    // Standalone: how long PID 1 may be unresponsive before the guard kills postgres.
    Duration standalone_guard = std::chrono::seconds(10);
};

struct Settings {
    std::string cluster = "pgbosun";
    std::string instance;
    std::string volume;   // absolute
    std::string run_dir;  // absolute
    std::optional<std::string> run_as;
    Mode mode = Mode::standalone;
    BootstrapSettings bootstrap;
    PostgresqlSettings postgresql;
    ReplicationSlotSettings replication_slots;
    std::optional<ArchiveSettings> archive;  // none: archive_mode is off
    BackupSettings backup;
    DrillSettings drill;
    ShutdownSettings shutdown;
    RestartSettings restart;
    ProbeSettings probes;
    HttpSettings http;
    MetricsSettings metrics;
    LogSettings log;
    MonitorSettings monitor;
    LeaseSettings lease;
    std::string config_file;  // absolute path it was read from; empty: the embedded default

    [[nodiscard]] std::string data_directory() const { return volume + "/pgdata"; }
    [[nodiscard]] std::string state_directory() const { return volume + "/pgbosun"; }
    [[nodiscard]] std::string control_socket() const { return run_dir + "/control.sock"; }
    [[nodiscard]] std::string archive_socket() const { return run_dir + "/archive.sock"; }
    // Of the archiver that serves a recovery from bootstrap.recovery.source, beside the one of the own archive.
    [[nodiscard]] std::string recovery_socket() const { return run_dir + hook::recovery_socket_name; }
};

}  // namespace pgbosun
