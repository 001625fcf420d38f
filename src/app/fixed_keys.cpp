#include "app/fixed_keys.hpp"

namespace pgbosun::app {
namespace {

void note(const char* key, std::string& changed) { changed.append(changed.empty() ? "" : ", ").append(key); }

template <class Value>
void keep(Value& fresh, const Value& now, const char* key, std::string& changed) {
    if (fresh == now) return;
    note(key, changed);
    fresh = now;
}

}  // namespace

std::string keep_fixed(Settings& fresh, const Settings& now) {
    std::string changed;
    keep(fresh.volume, now.volume, "volume", changed);
    keep(fresh.run_dir, now.run_dir, "run_dir", changed);
    keep(fresh.instance, now.instance, "instance", changed);
    keep(fresh.cluster, now.cluster, "cluster", changed);
    keep(fresh.mode, now.mode, "mode", changed);
    keep(fresh.lease.ttl, now.lease.ttl, "lease.ttl", changed);
    keep(fresh.log.format, now.log.format, "log.format", changed);
    keep(fresh.monitor.volume_deadline, now.monitor.volume_deadline, "monitor.volume_deadline", changed);
    keep(fresh.metrics.listen, now.metrics.listen, "metrics.listen", changed);
    keep(fresh.postgresql.port, now.postgresql.port, "postgresql.port", changed);
    keep(fresh.postgresql.wal_dir, now.postgresql.wal_dir, "postgresql.wal_dir", changed);
    // Where the configuration is silent, the start has found a value.
    if (fresh.postgresql.bin_dir.empty()) fresh.postgresql.bin_dir = now.postgresql.bin_dir;
    keep(fresh.postgresql.bin_dir, now.postgresql.bin_dir, "postgresql.bin_dir", changed);
    if (!fresh.run_as) fresh.run_as = now.run_as;
    keep(fresh.run_as, now.run_as, "run_as", changed);
    // The archiver is there or not; everything below it can change.
    if (fresh.archive.has_value() != now.archive.has_value()) {
        note("archive", changed);
        fresh.archive = now.archive;
    }
    return changed;
}

}  // namespace pgbosun::app
