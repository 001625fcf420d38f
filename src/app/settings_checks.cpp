#include "app/settings_checks.hpp"

#include <algorithm>
#include <set>

#include "app/recovery_checks.hpp"
#include "app/value_text.hpp"
#include "instance/decide.hpp"
#include "postgres/initdb_options.hpp"
#include "postgres/tls_files.hpp"

namespace pgbosun::app {
namespace {

bool is_inside(std::string_view path, std::string_view directory) {
    return path == directory || (path.starts_with(directory) && path.substr(directory.size()).starts_with('/'));
}

void require(ReadSettings& read, std::string_view key, const std::string& value, std::string hint) {
    if (value.empty()) read.add(Severity::error, key, "must be given", std::move(hint));
}

void check_places(ReadSettings& read) {
    const auto& settings = read.settings;
    require(read, "volume", settings.volume,
            "name the directory that keeps the database, such as /var/lib/postgresql/data");
    const auto& wal_dir = settings.postgresql.wal_dir;
    if (wal_dir && !settings.volume.empty() && is_inside(*wal_dir, settings.data_directory())) {
        read.add(Severity::error, "postgresql.wal_dir", "is inside the data directory " + settings.data_directory(),
                 "name a directory on the volume for WAL");
    }
    const auto archive = settings.archive ? settings.archive->destination : std::string();
    if (archive.starts_with("file://") && !settings.volume.empty() &&
        is_inside(archive.substr(7), settings.data_directory())) {
        read.add(Severity::error, "archive.destination", "is inside the data directory",
                 "name a directory outside of it");
    }
    const auto longest = settings.run_dir + "/.s.PGSQL." + std::to_string(settings.postgresql.port) + ".lock";
    const auto socket = longest.size() - std::string_view(".lock").size();
    if (socket > longest_socket_path) {
        read.add(Severity::error, "run_dir",
                 "the sockets in it would have paths of " + std::to_string(socket) + " bytes, and the system takes 107",
                 "give run_dir a shorter path, such as /run/pgbosun (without a configuration file: start in a "
                 "directory with a shorter path)");
    }
}

// What initdb would refuse, or be led astray by, each time that it is tried.
void check_initdb(ReadSettings& read) {
    const auto& initdb = read.settings.bootstrap.initdb;
    if (const auto finding = postgres::check_initdb_options(initdb.options)) {
        read.add(Severity::error, "bootstrap.initdb.options", finding->why, finding->hint);
    }
    if (!postgres::is_server_encoding(initdb.encoding)) {
        read.add(Severity::error, "bootstrap.initdb.encoding",
                 "\"" + initdb.encoding.substr(0, 100) + "\" is no encoding of a server", "write UTF8, or LATIN1");
    }
    const auto& provider = initdb.locale_provider;
    if (provider && *provider != "libc" && *provider != "icu" && *provider != "builtin") {
        read.add(Severity::error, "bootstrap.initdb.locale_provider", "\"" + *provider + "\" is not known here",
                 "write one of libc, icu, builtin");
    }
    const auto only_with = [&](const char* name, const std::optional<std::string>& value, const char* its_provider) {
        if (!value || provider == its_provider) return;
        read.add(Severity::error, std::string("bootstrap.initdb.") + name,
                 std::string("means nothing without locale_provider: ") + its_provider,
                 std::string("write that too, or remove ") + name);
    };
    only_with("icu_locale", initdb.icu_locale, "icu");
    only_with("icu_rules", initdb.icu_rules, "icu");
    only_with("builtin_locale", initdb.builtin_locale, "builtin");
}

void check_bootstrap(ReadSettings& read) {
    const auto& bootstrap = read.settings.bootstrap;
    const int size = bootstrap.initdb.wal_segment_size;
    if ((size & (size - 1)) != 0) {
        read.add(Severity::error, "bootstrap.initdb.wal_segment_size", std::to_string(size) + " is not a power of two",
                 "write 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 or 1024 (MB)");
    }
    check_initdb(read);
    if (bootstrap.join) {
        require(read, "bootstrap.join.primary_conninfo", bootstrap.join->primary_conninfo,
                "write where to clone from, such as \"host=pg-1 port=5432\"");
    }
}

void check_archive(ReadSettings& read) {
    if (!read.settings.archive) return;
    const auto& archive = *read.settings.archive;
    require(read, "archive.destination", archive.destination, "write file:///path or s3://bucket/path");
    const auto one_source = [&](const std::string& name, const SecretSource& source) {
        if (source.file && source.environment) {
            read.add(Severity::error, "archive." + name + "_env",
                     "the file and the environment variable are both given", "keep one of them");
        }
    };
    one_source("credentials.access_key_id", archive.credentials.access_key_id);
    one_source("credentials.secret_access_key", archive.credentials.secret_access_key);
    one_source("credentials.session_token", archive.credentials.session_token);
    one_source("azure.account_key", archive.azure.account_key);
    one_source("azure.sas_token", archive.azure.sas_token);
    one_source("azure.connection_string", archive.azure.connection_string);
    if (archive.encryption) {
        one_source("encryption.key", archive.encryption->key);
        if (!archive.encryption->key.given()) {
            read.add(Severity::error, "archive.encryption.key_file", "must be given",
                     "name the file of the key to write with");
        }
    }
    const bool is_s3 = archive.destination.starts_with("s3://");
    if (archive.server_side_encryption != ServerSideEncryption::none && !is_s3)
        read.add(Severity::error, "archive.server_side_encryption", "is for s3:// alone", "remove it");
    if (!archive.kms_key_id.empty() && archive.server_side_encryption != ServerSideEncryption::kms) {
        read.add(Severity::error, "archive.kms_key_id", "means nothing without server_side_encryption: aws:kms",
                 "write archive.server_side_encryption: aws:kms, or remove it");
    }
    const bool id = archive.credentials.access_key_id.given();
    const bool secret = archive.credentials.secret_access_key.given();
    if (id != secret) {
        const auto missing = id ? "secret_access_key" : "access_key_id";
        read.add(Severity::error, std::string("archive.credentials.") + missing + "_file", "must be given",
                 std::string("give ") + missing + "_file or " + missing + "_env");
    }
    const auto level_fits = [&](const std::string& part, Compression compression, int level) {
        const bool nine = compression == Compression::gzip;
        const bool twelve = compression == Compression::lz4;
        if ((nine && level > 9) || (twelve && level > 12)) {
            read.add(Severity::error, "archive." + part + ".level", "is too high for this compression",
                     nine ? "gzip knows 1 to 9" : "lz4 knows 1 to 12");
        }
    };
    level_fits("wal", archive.wal.compression, archive.wal.level);
    level_fits("data", archive.data.compression, archive.data.level);
}

void check_replication(ReadSettings& read) {
    const auto& settings = read.settings;
    const bool encrypted = settings.postgresql.replication.connections == Connections::encrypted;
    if (!encrypted || postgres::turn_tls_on(settings)) return;
    read.add(Severity::warning, "postgresql.replication.tls",
             "postgresql.parameters do not turn TLS on: without it no standby is let in",
             "give ssl: on, ssl_cert_file and ssl_key_file there");
}

void check_interfaces(ReadSettings& read) {
    const auto& http = read.settings.http;
    if (http.cert_file && !http.key_file) {
        read.add(Severity::error, "http.key_file", "must be given with http.cert_file", "name the certificate's key");
    }
    if (http.key_file && !http.cert_file) {
        read.add(Severity::error, "http.cert_file", "must be given with http.key_file", "name the key's certificate");
    }
    if (http.client_ca && !http.cert_file) {
        read.add(Severity::error, "http.client_ca", "client certificates need TLS",
                 "give http.cert_file and http.key_file too");
    }
    if (http.token_file && !http.cert_file && !http.listen.starts_with("127.") && !http.listen.starts_with("[::1]") &&
        !http.listen.starts_with("localhost:")) {
        read.add(Severity::warning, "http.token_file", "the token crosses the network unencrypted",
                 "give http.cert_file and http.key_file, or listen on 127.0.0.1");
    }
    const auto& listen = read.settings.metrics.listen;
    if (listen && *listen == http.listen && !listen->ends_with(":0")) {
        read.add(Severity::error, "metrics.listen", "is the same as http.listen",
                 "take another port, such as 9187; /metrics is on http.listen without it too");
    }
}

void check_stop(ReadSettings& read) {
    const auto& stop = read.settings.shutdown;
    if (stop.smart_timeout >= stop.timeout) {
        read.add(Severity::error, "shutdown.smart_timeout",
                 "leaves no time for a fast shutdown within shutdown.timeout (" + duration_text(stop.timeout) + ")",
                 "make it shorter, or shutdown.timeout longer");
        return;
    }
    instance::Policy policy;
    policy.stop_timeout = stop.timeout;
    const Duration last_steps = 2 * policy.last_share();
    if (stop.checkpoint_timeout + stop.smart_timeout + last_steps <= stop.timeout) return;
    read.add(Severity::warning, "shutdown.timeout",
             duration_text(stop.timeout) + " is less than shutdown.checkpoint_timeout (" +
                 duration_text(stop.checkpoint_timeout) + "), shutdown.smart_timeout (" +
                 duration_text(stop.smart_timeout) + ") and " + duration_text(last_steps) +
                 " for a fast and an immediate stop together: a step that takes its whole time shortens the next",
             "make it longer, or one of the two shorter");
}

void check_times(ReadSettings& read) {
    const auto& settings = read.settings;
    if (settings.monitor.interval > settings.lease.standalone_guard / 2) {
        read.add(Severity::error, "lease.standalone_guard", "must be at least twice monitor.interval",
                 "make it longer: below this it would end a healthy server");
    }
}

void check_clone(ReadSettings& read) {
    const auto& settings = read.settings;
    if (settings.bootstrap.clone_from == CloneFrom::quicker) return;
    if (settings.mode != Mode::managed) {
        read.add(Severity::warning, "bootstrap.clone_from",
                 "is for managed instances: this one clones with pg_basebackup", "remove it, or set mode: managed");
    } else if (settings.bootstrap.clone_from == CloneFrom::archive && !settings.archive) {
        read.add(Severity::error, "bootstrap.clone_from", "needs an archive, and there is none",
                 "give archive.destination, or write auto");
    }
}

void check_streaming(ReadSettings& read) {
    const auto& settings = read.settings;
    if (!settings.postgresql.replication.stream && settings.mode != Mode::managed) {
        read.add(Severity::warning, "postgresql.replication.stream", "is for managed instances",
                 "remove it, or set mode: managed");
    } else if (!settings.postgresql.replication.stream && !settings.archive) {
        read.add(Severity::error, "postgresql.replication.stream", "leaves no way for WAL to come: there is no archive",
                 "give archive.destination, or remove it");
    }
    const auto& slots = settings.replication_slots;
    if (slots.synchronize_logical_decoding && !slots.high_availability) {
        read.add(Severity::error, "replication_slots.high_availability.synchronize_logical_decoding",
                 "needs the members' own slots, and they are off",
                 "set replication_slots.high_availability.enabled: true");
    }
}

// What needs an archive, without one.
void check_backup(ReadSettings& read) {
    const auto& settings = read.settings;
    if (settings.archive) {
        if (settings.backup.incremental && settings.backup.schedule.empty()) {
            read.add(Severity::warning, "backup.incremental",
                     "is for scheduled backups, and there is no backup.schedule",
                     "give one, such as \"0 0 2 * * *\"; by hand: pgbosun backup --incremental");
        }
        return;
    }
    for (const auto& [key, schedule] : {std::pair("backup.schedule", settings.backup.schedule),
                                        std::pair("drill.schedule", settings.drill.schedule)}) {
        if (schedule.empty()) continue;
        read.add(Severity::error, key, "needs an archive, and there is none", "give archive.destination");
    }
}

void check_drill(ReadSettings& read) {
    const auto& settings = read.settings;
    const auto& directory = settings.drill.directory;
    if (directory.empty() || settings.volume.empty()) return;
    const bool inside =
        is_inside(directory, settings.data_directory()) || is_inside(settings.data_directory(), directory);
    if (inside) {
        read.add(Severity::error, "drill.directory", "is within the data directory, or above it",
                 "name a scratch directory of its own: all that is in it is removed");
    }
}

// The controller and the other members reach it over TCP.
void check_cluster(ReadSettings& read) {
    const auto& settings = read.settings;
    if (settings.mode != Mode::managed) return;
    if (!settings.http.token_file) {
        read.add(
            Severity::error, "mode",
            settings.http.client_ca
                ? "a managed instance takes orders over HTTP, and controllers and members show a token, no certificate"
                : "a managed instance takes orders over HTTP, and nobody could prove to be allowed",
            "set http.token_file, the same for all instances and controllers of the cluster");
    }
    if (settings.bootstrap.join) {
        read.add(Severity::warning, "bootstrap.join",
                 "is not used: a managed instance clones the primary that its controller names",
                 "remove bootstrap.join");
        auto& password = read.settings.postgresql.replication.password_file;
        if (!password) password = settings.bootstrap.join->password_file;
        read.settings.bootstrap.join.reset();
    }
    if (settings.postgresql.synchronous) {
        read.add(Severity::error, "postgresql.synchronous", "the controller decides it in a managed cluster",
                 "move it into the controller's configuration");
    }
}

}  // namespace

void check_whole(ReadSettings& read) {
    check_places(read);
    check_bootstrap(read);
    check_archive(read);
    check_streaming(read);
    check_recovery(read);
    check_clone(read);
    check_backup(read);
    check_drill(read);
    check_replication(read);
    check_interfaces(read);
    check_stop(read);
    check_times(read);
    check_cluster(read);
}

}  // namespace pgbosun::app
