#pragma once
// What others do to an archive while something is at work there.

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "backup/catalog.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"

namespace pgbosun::test {

// Does something else once, before the request with this number or the first one of this sort.
class Meanwhile {
public:
    Meanwhile(FakeObjectStore& store, std::function<bool(StoreCall, int)> when, std::function<void()> act)
        : store_(store), when_(std::move(when)), act_(std::move(act)) {
        store_.before_each([this](StoreCall call, const std::string&) -> Result<> {
            if (happened_ || !when_(call, calls_++)) return {};
            happened_ = true;
            act_();
            return {};
        });
    }
    ~Meanwhile() { store_.before_each({}); }
    [[nodiscard]] bool happened() const { return happened_; }

private:
    FakeObjectStore& store_;
    std::function<bool(StoreCall, int)> when_;
    std::function<void()> act_;
    std::atomic<int> calls_ = 0;
    std::atomic<bool> happened_ = false;
};

inline auto request(int number) {
    return [number](StoreCall, int at) { return at == number; };
}

inline std::string data_of(const backup::Backup& backup) {
    return backup::backup_prefix("orders", backup.id, backup.kind) + "data.tar.zst";
}

// Whatever is said to be done has its data.
inline void check_whole(FakeObjectStore& store, backup::Catalog& catalog) {
    const auto list = catalog.list();
    REQUIRE(list);
    for (const auto& backup : *list) {
        CAPTURE(backup.id.text());
        if (backup.done()) CHECK(store.object(data_of(backup)));
    }
}

}  // namespace pgbosun::test
