#include "backup/moment_claim.hpp"

#include <span>
#include <string>

#include "support/catch.hpp"
#include "support/fake_object_store.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const std::string key = "orders/schedule/20261121T020000Z";

}  // namespace

TEST_CASE("the first claim of a moment wins, and no other, of the same instance neither") {
    FakeObjectStore store;

    CHECK(claim_moment(store, key, "pg-1\n1\n") == MomentClaim::ours);
    CHECK(claim_moment(store, key, "pg-2\n2\n") == MomentClaim::of_another);
    CHECK(claim_moment(store, key, "pg-1\n3\n") == MomentClaim::of_another);
}

TEST_CASE("a claim whose answer was lost, so that it reads as a conflict, is ours") {
    FakeObjectStore store;
    // As a store over HTTP does it that asks again by itself.
    store.after_each([](StoreCall call, const std::string&) -> Result<> {
        if (call != StoreCall::put_if_absent) return {};
        return fail(FaultKind::conflict, "it is there");
    });

    CHECK(claim_moment(store, key, "pg-1\n1\n") == MomentClaim::ours);
    CHECK(claim_moment(store, key, "pg-2\n2\n") == MomentClaim::of_another);
}

TEST_CASE("when nobody knows whose the claim is, that is said") {
    FakeObjectStore store;
    REQUIRE(claim_moment(store, key, "pg-1\n1\n"));
    store.fail_next(StoreCall::get);

    const auto claimed = claim_moment(store, key, "pg-2\n2\n");

    REQUIRE_FALSE(claimed);
    CHECK(claimed.error().kind == FaultKind::unavailable);
}
