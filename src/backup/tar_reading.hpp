#pragma once
// Reads the tars of a backup from the store, several at a time.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "backup/tar_set.hpp"
#include "backup/tar_reader.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::backup {

enum class OnDamage { stop, go_on };

struct TarReading {
    ObjectStore& store;
    const std::vector<Tar>& tars;
    int workers = 1;
    OnDamage on_damage = OnDamage::stop;
    // Made and used on one of the workers' threads.
    std::function<std::unique_ptr<TarConsumer>(const Tar& tar)> consume;
    std::atomic<std::uint64_t>& stored_bytes;  // read so far: rises and, when a transfer begins anew, falls
    std::atomic<std::uint64_t>& file_bytes;    // of the tars that are done
};

// Blocks until all are read; empty: all is well. With OnDamage::stop it ends soon after the first Fault and answers that
// one alone; else one for each tar that could not be read. Memory: for each worker a decoder, and four blocks of 1 MB.
std::vector<Fault> read_tars(const TarReading& reading);

}  // namespace pgbosun::backup
