#include "app/settings_keys.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>

#include "app/conninfo.hpp"
#include "app/recovery_rules.hpp"
#include "app/value_rules.hpp"
#include "app/value_text.hpp"

namespace pgbosun::app {
namespace {

// A field as a function from the settings to a reference to it, for reading and for writing.
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member is named, not a value
#define FIELD(path) [](auto& s) -> auto& { return s.path; }

std::vector<Item> shown(const std::string& value) {
    if (value.empty()) return {};
    return {{"", value}};
}
std::vector<Item> shown(const std::optional<std::string>& value) { return shown(value.value_or("")); }

template <class Field>
Key text(std::string path, Rule rule, Field field, NamesFile names_file = NamesFile::no) {
    return {std::move(path), Shape::scalar, names_file,
            [rule, field](const Item& item, Settings& settings) -> Result<> {
                if (auto good = rule(item.text); !good) return good;
                field(settings) = item.text;
                return {};
            },
            [field](const Settings& settings) { return shown(field(settings)); }};
}

template <class Field>
Key file(std::string path, Field field) {
    return text(std::move(path), absolute_path, field, NamesFile::yes);
}

template <class Field>
Key secret_file(std::string path, Field field) {
    return text(std::move(path), absolute_path, field, NamesFile::secret);
}

template <class Field>
Key texts(std::string path, Rule rule, Field field, NamesFile names_file = NamesFile::no) {
    return {std::move(path), Shape::list, names_file,
            [rule, field](const Item& item, Settings& settings) -> Result<> {
                if (auto good = rule(item.text); !good) return good;
                field(settings).push_back(item.text);
                return {};
            },
            [field](const Settings& settings) {
                std::vector<Item> items;
                for (const auto& value : field(settings)) items.push_back({"", value});
                return items;
            }};
}

// `archive.encryption` is there as soon as one of its keys is.
template <class AnySettings>
auto& encryption_of(AnySettings& settings) {
    auto& encryption = settings.archive->encryption;
    if constexpr (std::is_const_v<AnySettings>) {
        static const EncryptionSettings none;
        return encryption ? *encryption : none;
    } else {
        if (!encryption) encryption.emplace();
        return *encryption;
    }
}

template <class Field>
Key integer(std::string path, int smallest, int largest, Field field) {
    return {std::move(path), Shape::scalar, NamesFile::no,
            [=](const Item& item, Settings& settings) -> Result<> {
                const auto hint = "write a number from " + std::to_string(smallest) + " to " + std::to_string(largest);
                auto value = parse_integer(item.text);
                if (!value) return fail(FaultKind::refused, value.error().what, hint);
                if (*value < smallest || *value > largest) {
                    return fail(FaultKind::refused, item.text + " is out of range", hint);
                }
                field(settings) = static_cast<int>(*value);
                return {};
            },
            [field](const Settings& settings) { return shown(std::to_string(field(settings))); }};
}

template <class Field>
Key duration(std::string path, Duration shortest, Duration longest, Field field) {
    return {std::move(path), Shape::scalar, NamesFile::no,
            [=](const Item& item, Settings& settings) -> Result<> {
                auto value = parse_duration(item.text);
                if (!value) return std::unexpected(std::move(value).error());
                if (*value < shortest || *value > longest) {
                    return fail(FaultKind::refused, item.text + " is out of range",
                                "write a duration from " + duration_text(shortest) + " to " + duration_text(longest));
                }
                field(settings) = *value;
                return {};
            },
            [field](const Settings& settings) { return shown(duration_text(field(settings))); }};
}

template <class Field>
Key choice(std::string path,
           std::vector<std::pair<std::string, std::remove_reference_t<std::invoke_result_t<Field, Settings&>>>> names,
           Field field) {
    const auto take = [names, field](const Item& item, Settings& settings) -> Result<> {
        std::string all;
        for (const auto& [name, value] : names) {
            if (name == item.text) {
                field(settings) = value;
                return {};
            }
            all += (all.empty() ? "" : ", ") + name;
        }
        return fail(FaultKind::refused, "\"" + item.text.substr(0, 100) + "\" is not known here",
                    "write one of " + all);
    };
    const auto show = [names, field](const Settings& settings) {
        const auto& value = field(settings);
        return shown(std::ranges::find(names, value, [](const auto& pair) { return pair.second; })->first);
    };
    return {std::move(path), Shape::scalar, NamesFile::no, take, show};
}

// `yes` and `no` are what the field becomes.
template <class Value, class Field>
Key truth(std::string path, Value yes, Value no, Field field) {
    return {std::move(path), Shape::scalar, NamesFile::no,
            [=](const Item& item, Settings& settings) -> Result<> {
                const bool is_yes = item.text == "true" || item.text == "on" || item.text == "yes";
                const bool is_no = item.text == "false" || item.text == "off" || item.text == "no";
                if (!is_yes && !is_no) {
                    return fail(FaultKind::refused, "\"" + item.text.substr(0, 100) + "\" is neither true nor false",
                                "write true or false");
                }
                field(settings) = is_yes ? yes : no;
                return {};
            },
            [=](const Settings& settings) { return shown(std::string(field(settings) == yes ? "true" : "false")); }};
}

template <class Field>
Key truth(std::string path, Field field) {
    return truth(std::move(path), true, false, field);
}

template <class Field>
Key size(std::string path, Field field) {
    return {std::move(path), Shape::scalar, NamesFile::no,
            [field](const Item& item, Settings& settings) -> Result<> {
                auto value = parse_size(item.text);
                if (!value) return std::unexpected(std::move(value).error());
                field(settings) = *value;
                return {};
            },
            [field](const Settings& settings) {
                return field(settings) ? shown(size_text(*field(settings))) : std::vector<Item>();
            }};
}

Rule conninfo_rule() {
    return [](const std::string& value) { return check_conninfo(value); };
}

Key conninfo(std::string path) {
    auto key = text(std::move(path), conninfo_rule(), FIELD(bootstrap.join->primary_conninfo));
    key.show = [](const Settings& settings) {
        return shown(masked_conninfo(settings.bootstrap.join->primary_conninfo));
    };
    return key;
}

template <class Field>
Key map(std::string path, Rule name_rule, Rule value_rule, Field field) {
    return {std::move(path), Shape::map, NamesFile::no,
            [=](const Item& item, Settings& settings) -> Result<> {
                if (auto good = name_rule(item.name); !good) return good;
                if (auto good = value_rule(item.text); !good) return good;
                field(settings)[item.name] = item.text;
                return {};
            },
            [field](const Settings& settings) {
                std::vector<Item> items;
                for (const auto& [name, value] : field(settings)) items.push_back({name, value});
                return items;
            }};
}

Result<> taken_as_it_is(const std::string&) { return {}; }

// Bytes, where 0 means that there is no limit.
template <class Field>
Key limit(std::string path, Field field) {
    return {std::move(path), Shape::scalar, NamesFile::no,
            [field](const Item& item, Settings& settings) -> Result<> {
                auto value = parse_size(item.text);
                if (!value) return std::unexpected(std::move(value).error());
                field(settings) = *value;
                return {};
            },
            [field](const Settings& settings) {
                return field(settings) == 0 ? std::vector<Item>() : shown(size_text(field(settings)));
            }};
}

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

void instance_keys(std::vector<Key>& keys) {
    keys.push_back(text("cluster", cluster_name, FIELD(cluster)));
    keys.push_back(text("instance", cluster_name, FIELD(instance)));
    keys.push_back(text("volume", absolute_path, FIELD(volume)));
    keys.push_back(choice("mode", {{"standalone", Mode::standalone}, {"managed", Mode::managed}}, FIELD(mode)));
    keys.push_back(text("run_dir", absolute_path, FIELD(run_dir)));
    keys.push_back(text("run_as", user_name, FIELD(run_as)));
}

void bootstrap_keys(std::vector<Key>& keys) {
    const std::string initdb = "bootstrap.initdb.";
    keys.push_back(text(initdb + "database", sql_identifier, FIELD(bootstrap.initdb.database)));
    keys.push_back(text(initdb + "owner", sql_identifier, FIELD(bootstrap.initdb.owner)));
    keys.push_back(secret_file(initdb + "password_file", FIELD(bootstrap.initdb.password_file)));
    keys.push_back(secret_file(initdb + "superuser_password_file", FIELD(bootstrap.initdb.superuser_password_file)));
    keys.push_back(truth(initdb + "data_checksums", FIELD(bootstrap.initdb.data_checksums)));
    keys.push_back(integer(initdb + "wal_segment_size", 1, 1024, FIELD(bootstrap.initdb.wal_segment_size)));
    keys.push_back(text(initdb + "encoding", any_text, FIELD(bootstrap.initdb.encoding)));
    keys.push_back(text(initdb + "locale", any_text, FIELD(bootstrap.initdb.locale)));
    keys.push_back(text(initdb + "locale_collate", any_text, FIELD(bootstrap.initdb.locale_collate)));
    keys.push_back(text(initdb + "locale_ctype", any_text, FIELD(bootstrap.initdb.locale_ctype)));
    keys.push_back(text(initdb + "locale_provider", any_text, FIELD(bootstrap.initdb.locale_provider)));
    keys.push_back(text(initdb + "icu_locale", any_text, FIELD(bootstrap.initdb.icu_locale)));
    keys.push_back(text(initdb + "icu_rules", any_text, FIELD(bootstrap.initdb.icu_rules)));
    keys.push_back(text(initdb + "builtin_locale", any_text, FIELD(bootstrap.initdb.builtin_locale)));
    keys.push_back(texts(initdb + "post_init_sql", any_text, FIELD(bootstrap.initdb.post_init_sql)));
    keys.push_back(texts(initdb + "post_init_template_sql", any_text, FIELD(bootstrap.initdb.post_init_template_sql)));
    keys.push_back(
        texts(initdb + "post_init_application_sql", any_text, FIELD(bootstrap.initdb.post_init_application_sql)));
    keys.push_back(texts(initdb + "options", any_text, FIELD(bootstrap.initdb.options)));
    keys.push_back(
        choice("bootstrap.clone_from",
               {{"auto", CloneFrom::quicker}, {"primary", CloneFrom::primary}, {"archive", CloneFrom::archive}},
               FIELD(bootstrap.clone_from)));
    keys.push_back(truth("bootstrap.keep_replaced_data", FIELD(bootstrap.keep_replaced_data)));
    keys.push_back(conninfo("bootstrap.join.primary_conninfo"));
    keys.push_back(secret_file("bootstrap.join.password_file", FIELD(bootstrap.join->password_file)));
    keys.push_back(text("bootstrap.join.max_rate", transfer_rate, FIELD(bootstrap.join->max_rate)));
}

// Where an archive is, and how it is reached: the same keys say it of `archive` and of a recovery's source.
bool says_where(std::string_view path) {
    if (!path.starts_with("archive.")) return false;
    for (const std::string_view other : {"archive.wal.", "archive.data.", "archive.retention", "archive.stream"}) {
        if (path.starts_with(other)) return false;
    }
    return true;
}

Key of_source(const Key& key) {
    Key result = key;
    result.path = "bootstrap.recovery.source." + key.path.substr(std::string_view("archive.").size());
    result.take = [take = key.take](const Item& item, Settings& settings) {
        Settings scratch;
        auto& source = settings.bootstrap.recovery->source;
        scratch.archive.swap(source);
        auto taken = take(item, scratch);
        scratch.archive.swap(source);
        return taken;
    };
    result.show = [show = key.show](const Settings& settings) {
        Settings scratch;
        scratch.archive = settings.bootstrap.recovery->source;
        return show(scratch);
    };
    return result;
}

// `archive_keys`: as they were made for `archive`.
void recovery_keys(std::vector<Key>& keys, const std::vector<Key>& archive_keys) {
    const std::string recovery = "bootstrap.recovery.";
    keys.push_back(text(recovery + "backup", any_text, FIELD(bootstrap.recovery->backup)));
    keys.push_back(text(recovery + "target_time", moment_with_zone, FIELD(bootstrap.recovery->target.time)));
    keys.push_back(text(recovery + "target_lsn", wal_position, FIELD(bootstrap.recovery->target.lsn)));
    keys.push_back(text(recovery + "target_xid", transaction_number, FIELD(bootstrap.recovery->target.xid)));
    keys.push_back(text(recovery + "target_name", restore_point, FIELD(bootstrap.recovery->target.name)));
    keys.push_back(truth(recovery + "target_immediate", FIELD(bootstrap.recovery->target.immediate)));
    keys.push_back(
        truth(recovery + "exclusive", Inclusive::no, Inclusive::yes, FIELD(bootstrap.recovery->target.inclusive)));
    keys.push_back(text(recovery + "target_timeline", recovery_timeline, FIELD(bootstrap.recovery->target.timeline)));
    keys.push_back(map(recovery + "tablespaces", any_text, absolute_path, FIELD(bootstrap.recovery->tablespaces)));
    for (const auto& key : archive_keys) {
        if (says_where(key.path)) keys.push_back(of_source(key));
    }
}

void postgresql_keys(std::vector<Key>& keys) {
    keys.push_back(integer("postgresql.port", 1, 65535, FIELD(postgresql.port)));
    keys.push_back(text("postgresql.listen_addresses", any_text, FIELD(postgresql.listen_addresses)));
    keys.push_back(text("postgresql.bin_dir", absolute_path, FIELD(postgresql.bin_dir)));
    keys.push_back(text("postgresql.wal_dir", absolute_path, FIELD(postgresql.wal_dir)));
    keys.push_back(duration("postgresql.apply_delay", seconds(0), hours(24 * 24), FIELD(postgresql.apply_delay)));
    keys.push_back(map("postgresql.parameters", parameter_name, taken_as_it_is, FIELD(postgresql.parameters)));
    keys.push_back(texts("postgresql.pg_hba", hba_line, FIELD(postgresql.pg_hba)));
    keys.push_back(texts("postgresql.pg_ident", ident_line, FIELD(postgresql.pg_ident)));
    const std::string synchronous = "postgresql.synchronous.";
    keys.push_back(choice(synchronous + "method", {{"any", SyncMethod::any}, {"first", SyncMethod::first}},
                          FIELD(postgresql.synchronous->method)));
    keys.push_back(integer(synchronous + "number", 1, 100, FIELD(postgresql.synchronous->number)));
    keys.push_back(choice(synchronous + "data_durability",
                          {{"required", DataDurability::required}, {"preferred", DataDurability::preferred}},
                          FIELD(postgresql.synchronous->data_durability)));
    keys.push_back(texts(synchronous + "standby_names", sql_identifier, FIELD(postgresql.synchronous->standby_names)));
    keys.push_back(text("postgresql.replication.user", sql_identifier, FIELD(postgresql.replication.user)));
    keys.push_back(secret_file("postgresql.replication.password_file", FIELD(postgresql.replication.password_file)));
    keys.push_back(truth("postgresql.replication.stream", FIELD(postgresql.replication.stream)));
    keys.push_back(truth("postgresql.replication.tls", Connections::encrypted, Connections::any,
                         FIELD(postgresql.replication.connections)));
}

void slot_keys(std::vector<Key>& keys) {
    const std::string members = "replication_slots.high_availability.";
    keys.push_back(truth(members + "enabled", FIELD(replication_slots.high_availability)));
    keys.push_back(text(members + "slot_prefix", slot_prefix, FIELD(replication_slots.slot_prefix)));
    keys.push_back(
        truth(members + "synchronize_logical_decoding", FIELD(replication_slots.synchronize_logical_decoding)));
    const std::string all = "replication_slots.synchronize_replicas.";
    keys.push_back(truth(all + "enabled", FIELD(replication_slots.synchronize_replicas)));
    keys.push_back(texts(all + "exclude_patterns", slot_pattern, FIELD(replication_slots.exclude_patterns)));
    keys.push_back(duration("replication_slots.update_interval", milliseconds(100), hours(1),
                            FIELD(replication_slots.update_interval)));
    keys.push_back(duration("replication_slots.member_slots_ttl", seconds(1), hours(24 * 24),
                            FIELD(replication_slots.member_slots_ttl)));
}

void archive_keys(std::vector<Key>& keys) {
    const std::vector<std::pair<std::string, Compression>> compressions = {{"none", Compression::none},
                                                                           {"zstd", Compression::zstd},
                                                                           {"gzip", Compression::gzip},
                                                                           {"lz4", Compression::lz4}};
    keys.push_back(text("archive.destination", archive_destination, FIELD(archive->destination)));
    keys.push_back(text("archive.server_name", archive_server_name, FIELD(archive->server_name)));
    keys.push_back(text("archive.endpoint_url", http_url, FIELD(archive->endpoint_url)));
    keys.push_back(file("archive.endpoint_ca", FIELD(archive->endpoint_ca)));
    keys.push_back(text("archive.region", cluster_name, FIELD(archive->region)));
    keys.push_back(truth("archive.path_style", FIELD(archive->path_style)));
    keys.push_back(choice("archive.server_side_encryption",
                          {{"none", ServerSideEncryption::none},
                           {"AES256", ServerSideEncryption::aes256},
                           {"aws:kms", ServerSideEncryption::kms}},
                          FIELD(archive->server_side_encryption)));
    keys.push_back(text("archive.kms_key_id", any_text, FIELD(archive->kms_key_id)));
    const std::string credentials = "archive.credentials.";
    keys.push_back(secret_file(credentials + "access_key_id_file", FIELD(archive->credentials.access_key_id.file)));
    keys.push_back(text(credentials + "access_key_id_env", environment_name,
                        FIELD(archive->credentials.access_key_id.environment)));
    keys.push_back(
        secret_file(credentials + "secret_access_key_file", FIELD(archive->credentials.secret_access_key.file)));
    keys.push_back(text(credentials + "secret_access_key_env", environment_name,
                        FIELD(archive->credentials.secret_access_key.environment)));
    keys.push_back(secret_file(credentials + "session_token_file", FIELD(archive->credentials.session_token.file)));
    keys.push_back(text(credentials + "session_token_env", environment_name,
                        FIELD(archive->credentials.session_token.environment)));
    keys.push_back(secret_file("archive.azure.account_key_file", FIELD(archive->azure.account_key.file)));
    keys.push_back(
        text("archive.azure.account_key_env", environment_name, FIELD(archive->azure.account_key.environment)));
    keys.push_back(secret_file("archive.azure.sas_token_file", FIELD(archive->azure.sas_token.file)));
    keys.push_back(text("archive.azure.sas_token_env", environment_name, FIELD(archive->azure.sas_token.environment)));
    keys.push_back(secret_file("archive.azure.connection_string_file", FIELD(archive->azure.connection_string.file)));
    keys.push_back(text("archive.azure.connection_string_env", environment_name,
                        FIELD(archive->azure.connection_string.environment)));
    keys.push_back(secret_file("archive.gcs.service_account_file", FIELD(archive->gcs.service_account.file)));
    keys.push_back(
        secret_file("archive.encryption.key_file", [](auto& s) -> auto& { return encryption_of(s).key.file; }));
    keys.push_back(text("archive.encryption.key_env", environment_name,
                        [](auto& s) -> auto& { return encryption_of(s).key.environment; }));
    keys.push_back(texts(
        "archive.encryption.older_key_files", absolute_path,
        [](auto& s) -> auto& { return encryption_of(s).older_keys; }, NamesFile::secret));
    keys.push_back(choice("archive.wal.compression", compressions, FIELD(archive->wal.compression)));
    keys.push_back(integer("archive.wal.level", 1, 19, FIELD(archive->wal.level)));
    keys.push_back(integer("archive.wal.max_parallel", 1, 32, FIELD(archive->wal.max_parallel)));
    keys.push_back(choice("archive.data.compression", compressions, FIELD(archive->data.compression)));
    keys.push_back(integer("archive.data.level", 1, 19, FIELD(archive->data.level)));
    keys.push_back(integer("archive.data.max_parallel", 1, 32, FIELD(archive->data.max_parallel)));
    keys.push_back(truth("archive.data.immediate_checkpoint", FIELD(archive->data.immediate_checkpoint)));
    keys.push_back(limit("archive.data.max_rate", FIELD(archive->data.max_rate)));
    keys.push_back(choice("archive.data.bad_pages", {{"report", BadPages::report}, {"fail", BadPages::fail}},
                          FIELD(archive->data.bad_pages)));
    keys.push_back(text("archive.retention", retention_policy, FIELD(archive->retention)));
    keys.push_back(duration("archive.stream", milliseconds(0), hours(1), FIELD(archive->stream)));
}

void backup_keys(std::vector<Key>& keys) {
    keys.push_back(text("backup.schedule", cron_schedule, FIELD(backup.schedule)));
    keys.push_back(choice("backup.target",
                          {{"prefer-standby", BackupTarget::prefer_standby}, {"primary", BackupTarget::primary}},
                          FIELD(backup.target)));
    keys.push_back(truth("backup.incremental", FIELD(backup.incremental)));
    keys.push_back(duration("backup.full_every", hours(1), hours(24 * 100), FIELD(backup.full_every)));
    keys.push_back(text("drill.schedule", cron_schedule, FIELD(drill.schedule)));
    keys.push_back(text("drill.directory", absolute_path, FIELD(drill.directory)));
    keys.push_back(texts("drill.checks", any_text, FIELD(drill.checks)));
    keys.push_back(truth("drill.amcheck", FIELD(drill.amcheck)));
    keys.push_back(limit("drill.max_bytes", FIELD(drill.max_bytes)));
    keys.push_back(text("drill.shared_buffers", memory_size, FIELD(drill.shared_buffers)));
}

void supervision_keys(std::vector<Key>& keys) {
    keys.push_back(duration("shutdown.smart_timeout", seconds(0), hours(24), FIELD(shutdown.smart_timeout)));
    keys.push_back(duration("shutdown.timeout", seconds(1), hours(24), FIELD(shutdown.timeout)));
    keys.push_back(duration("shutdown.checkpoint_timeout", seconds(0), hours(1), FIELD(shutdown.checkpoint_timeout)));
    keys.push_back(integer("restart.intensity", 0, 1000, FIELD(restart.intensity)));
    keys.push_back(duration("restart.period", seconds(1), hours(24), FIELD(restart.period)));
    keys.push_back(choice("probes.startup.type",
                          {{"started", StartupStrategy::started},
                           {"streaming", StartupStrategy::streaming},
                           {"query", StartupStrategy::query}},
                          FIELD(probes.startup)));
    keys.push_back(choice("probes.readiness.type",
                          {{"query", ReadyStrategy::query}, {"streaming", ReadyStrategy::streaming}},
                          FIELD(probes.ready)));
    keys.push_back(size("probes.readiness.max_lag", FIELD(probes.max_lag_bytes)));
    keys.push_back(duration("monitor.interval", milliseconds(100), minutes(1), FIELD(monitor.interval)));
    keys.push_back(duration("monitor.query_timeout", milliseconds(100), minutes(1), FIELD(monitor.query_timeout)));
    keys.push_back(
        duration("monitor.exhausted_connections", seconds(0), hours(24), FIELD(monitor.exhausted_connections)));
    keys.push_back(duration("monitor.volume_deadline", milliseconds(100), minutes(10), FIELD(monitor.volume_deadline)));
    keys.push_back(duration("lease.ttl", seconds(1), minutes(5), FIELD(lease.ttl)));
    keys.push_back(duration("lease.standalone_guard", seconds(1), minutes(10), FIELD(lease.standalone_guard)));
}

void interface_keys(std::vector<Key>& keys) {
    keys.push_back(text("http.listen", listen_address, FIELD(http.listen)));
    keys.push_back(secret_file("http.token_file", FIELD(http.token_file)));
    keys.push_back(file("http.client_ca", FIELD(http.client_ca)));
    keys.push_back(file("http.ca_file", FIELD(http.ca_file)));
    keys.push_back(file("http.cert_file", FIELD(http.cert_file)));
    keys.push_back(secret_file("http.key_file", FIELD(http.key_file)));
    keys.push_back(text("metrics.listen", listen_address, FIELD(metrics.listen)));
    keys.push_back(texts("metrics.queries", absolute_path, FIELD(metrics.queries_files), NamesFile::yes));
    keys.push_back(truth("metrics.default_queries", FIELD(metrics.default_queries)));
    keys.push_back(duration("metrics.cache_time", seconds(0), hours(1), FIELD(metrics.cache_time)));
    keys.push_back(choice("log.format", {{"json", LogFormat::json}, {"text", LogFormat::text}}, FIELD(log.format)));
    keys.push_back(text("log.level", log_level, FIELD(log.level)));
}

#undef FIELD

}  // namespace

const std::vector<Key>& settings_keys() {
    static const std::vector<Key> keys = [] {
        std::vector<Key> all;
        instance_keys(all);
        std::vector<Key> archive;
        archive_keys(archive);
        bootstrap_keys(all);
        recovery_keys(all, archive);
        postgresql_keys(all);
        slot_keys(all);
        all.insert(all.end(), archive.begin(), archive.end());
        backup_keys(all);
        supervision_keys(all);
        interface_keys(all);
        return all;
    }();
    return keys;
}

const std::vector<Section>& optional_sections() {
    static const std::vector<Section> sections = {
        {"bootstrap.join", [](Settings& s) { s.bootstrap.join.emplace(); },
         [](const Settings& s) { return s.bootstrap.join.has_value(); }},
        {"bootstrap.recovery", [](Settings& s) { s.bootstrap.recovery.emplace(); },
         [](const Settings& s) { return s.bootstrap.recovery.has_value(); }},
        {"bootstrap.recovery.source", [](Settings& s) { s.bootstrap.recovery->source.emplace(); },
         [](const Settings& s) { return s.bootstrap.recovery && s.bootstrap.recovery->source; }},
        {"postgresql.synchronous", [](Settings& s) { s.postgresql.synchronous.emplace(); },
         [](const Settings& s) { return s.postgresql.synchronous.has_value(); }},
        {"archive", [](Settings& s) { s.archive.emplace(); }, [](const Settings& s) { return s.archive.has_value(); }},
    };
    return sections;
}

bool applies(std::string_view path, const Settings& settings) {
    return std::ranges::all_of(optional_sections(), [&](const Section& section) {
        return section.present(settings) || !path.starts_with(section.path + ".");
    });
}

}  // namespace pgbosun::app
