#include "supervision/member_contact.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

struct Asker {
    MemberContact contact;
    Instant now{1h};
    int silent = 0, answers = 0;

    // Asks pg-2 twice a second.
    void ask(const std::string& lack, Duration during) {
        for (const Instant end = now + during; now < end; now += 500ms) {
            const auto news = contact.note("pg-2", lack, now);
            silent += news == MemberContact::News::silent ? 1 : 0;
            answers += news == MemberContact::News::answers ? 1 : 0;
        }
    }
};

}  // namespace

TEST_CASE("a member that is asked in vain is told of once, and once that it answers again") {
    Asker it;
    it.ask("", 1min);
    it.ask("TLS", 1min);
    CHECK((it.silent == 1 && it.answers == 0));
    it.ask("refused", 1h);
    CHECK(it.silent == 1);
    CHECK(it.contact.silent(it.now) == std::vector<SilentMember>{{"pg-2", "refused", Instant(1h + 1min)}});
    it.ask("", 1min);
    CHECK((it.silent == 1 && it.answers == 1));
    CHECK(it.contact.silent(it.now).empty());
}

TEST_CASE("a moment without an answer is not told") {
    Asker it;
    for (int i = 0; i < 10; ++i) {
        it.ask("gone", MemberContact::moment);
        CHECK(it.contact.silent(it.now).empty());
        it.ask("", 500ms);
    }
    CHECK((it.silent == 0 && it.answers == 0));
}

TEST_CASE("who is not asked any more is neither silent nor kept") {
    Asker it;
    it.ask("gone", 10s);
    CHECK(it.contact.silent(it.now).size() == 1);
    it.now += MemberContact::forgotten_after;
    CHECK(it.contact.silent(it.now).empty());
    it.ask("", 1s);
    CHECK(it.answers == 0);
    it.ask("gone", MemberContact::moment);
    CHECK(it.silent == 1);
}
