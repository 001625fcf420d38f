#pragma once
// Which implementations the contract is run over; each executable brings its own.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pgbosun/object_store.hpp"

namespace pgbosun::test {

// A store that holds nothing, and what must live as long as it does.
struct Subject {
    std::shared_ptr<void> server;  // owned by the subject; of whatever type the server is
    std::unique_ptr<ObjectStore> store;
};

// Whether the store can tell, and abort, parted uploads; or drops by itself, in time, what was not completed.
enum class Uploads { listed, not_listed, dropped_in_time };

struct StoreKind {
    std::string name;
    std::function<Subject()> make;
    Uploads uploads = Uploads::listed;
};

std::vector<StoreKind> store_kinds();

}  // namespace pgbosun::test
