#include <array>
#include <cstring>
#include <optional>

#include "backup/page_checksum.hpp"
#include "backup/page_survey.hpp"
#include "backup/relation_file.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace {

using Bytes = std::array<std::byte, page_size>;

// A page with a header and some content, its checksum as PostgreSQL would write it.
Bytes page_of(std::uint32_t block, Lsn lsn) {
    Bytes page{};
    for (std::size_t at = 200; at < page.size(); ++at) page[at] = static_cast<std::byte>(at * 31 + block);
    const std::uint32_t high = static_cast<std::uint32_t>(lsn.value >> 32), low = static_cast<std::uint32_t>(lsn.value);
    std::memcpy(page.data(), &high, 4);
    std::memcpy(page.data() + 4, &low, 4);
    const std::uint16_t upper = 200;
    std::memcpy(page.data() + 14, &upper, 2);
    const auto checksum = page_checksum(page, block);
    std::memcpy(page.data() + 8, &checksum, 2);
    return page;
}

}  // namespace

TEST_CASE("the checksum of a page is PostgreSQL's") {
    // Computed with PostgreSQL 15's page_checksum() of pageinspect.
    Bytes counted{};
    for (std::size_t at = 0; at < counted.size(); ++at) counted[at] = static_cast<std::byte>(at % 251);
    CHECK(page_checksum(counted, 0) == 7648);
    CHECK(page_checksum(counted, 131072) == 7646);
}

TEST_CASE("a page with one wrong bit is found") {
    const auto good = page_of(7, Lsn{100});
    REQUIRE(check_page(good, 7, Lsn{1000}) == PageVerdict::good);
    for (std::size_t bit = 64 * 8 / 8; bit < page_size * 8; bit += 97) {
        auto page = good;
        page[bit / 8] ^= std::byte{1} << (bit % 8);
        CAPTURE(bit);
        CHECK(check_page(page, 7, Lsn{1000}) == PageVerdict::bad);
    }
    CHECK(check_page(good, 8, Lsn{1000}) == PageVerdict::bad);  // a page in another's place
}

TEST_CASE("a page that is wrong but was written since the backup began is not judged yet") {
    auto page = page_of(7, Lsn{1000});
    page[5000] ^= std::byte{1};
    CHECK(check_page(page, 7, Lsn{1001}) == PageVerdict::bad);
    CHECK(check_page(page, 7, Lsn{1000}) == PageVerdict::changed);
    CHECK(check_page(page, 7, Lsn{999}) == PageVerdict::changed);
}

TEST_CASE("a page of zeros is good, one that only claims to be unused is not") {
    Bytes page{};
    CHECK(check_page(page, 3, Lsn{1000}) == PageVerdict::good);
    page[4000] = std::byte{1};
    CHECK(check_page(page, 3, Lsn{1000}) == PageVerdict::bad);
}

TEST_CASE("the position in a page's header is read in its two halves") {
    CHECK(page_lsn(page_of(0, Lsn{0x0000'0016'B374'D848})) == Lsn{0x0000'0016'B374'D848});
}

TEST_CASE("pages that claim to be from after the backup are bad, the others of its time are not") {
    PageSurvey survey;
    survey.add_changed("base/5/1", 1, Lsn{500});
    survey.add_changed("base/5/1", 2, Lsn{501});
    survey.add_bad("base/5/2", 9);
    survey.judge_changed(Lsn{500});
    CHECK(survey.count() == 2);
    CHECK(survey.named() == std::vector<BadPage>{{"base/5/1", 2}, {"base/5/2", 9}});
}

TEST_CASE("bad pages are all counted, and named up to a limit") {
    PageSurvey survey;
    for (std::uint64_t page = 0; page < most_named_pages + 5; ++page) survey.add_bad("base/5/1", page);
    CHECK(survey.count() == most_named_pages + 5);
    CHECK(survey.named().size() == most_named_pages);
}

TEST_CASE("of many pages with a position from after the backup all are counted, whatever came before them") {
    PageSurvey survey;
    for (std::uint64_t page = 0; page < most_named_pages + 5; ++page) survey.add_changed("base/5/1", page, Lsn{400});
    for (std::uint64_t page = 0; page < 2 * most_named_pages; ++page) survey.add_changed("base/5/2", page, Lsn{501});
    survey.add_changed("base/5/3", 0, Lsn{500});

    survey.judge_changed(Lsn{500});

    CHECK(survey.count() == 2 * most_named_pages);
    REQUIRE(survey.named().size() == most_named_pages);
    CHECK(survey.named().front().path == "base/5/2");
}

TEST_CASE("one page from after the backup is named, though a thousand others were changed before and behind it") {
    PageSurvey survey;
    for (std::uint64_t page = 0; page < most_named_pages; ++page) survey.add_changed("base/5/1", page, Lsn{400});
    survey.add_changed("base/5/2", 7, Lsn{501});
    for (std::uint64_t page = 0; page < most_named_pages; ++page) survey.add_changed("base/5/3", page, Lsn{499});

    survey.judge_changed(Lsn{500});

    CHECK(survey.count() == 1);
    CHECK(survey.named() == std::vector<BadPage>{{"base/5/2", 7}});
}

TEST_CASE("changed pages of which nothing can be kept are bad") {
    PageSurvey survey;
    const auto all = most_named_pages + most_changed_pages + 3;
    for (std::uint64_t page = 0; page < all; ++page) survey.add_changed("x", page, Lsn{400});

    survey.judge_changed(Lsn{500});

    CHECK(survey.count() == 3);
}

TEST_CASE("pages are looked for in relations' files and nowhere else") {
    struct Row {
        const char* path;
        std::optional<RelationFile> file;
    };
    const Row table[] = {
        {"base/5/16384", RelationFile{0}},
        {"base/5/16384.1", RelationFile{1}},
        {"base/5/16384.131", RelationFile{131}},
        {"base/5/16384_fsm", RelationFile{0}},
        {"base/5/16384_vm.2", RelationFile{2}},
        {"global/1262", RelationFile{0}},
        {"PG_17_202406281/5/16384.3", RelationFile{3}},
        {"pg_tblspc/16400/PG_17_202406281/5/16384", RelationFile{0}},
        {"base/5/16384_init", std::nullopt},
        {"base/5/16384.0", std::nullopt},
        {"base/5/16384.", std::nullopt},
        {"base/5/16384.01", std::nullopt},
        {"base/5/016384", std::nullopt},
        {"base/5/0", std::nullopt},
        {"base/5/16384_", std::nullopt},
        {"base/5/16384x", std::nullopt},
        {"base/5/4294967296", std::nullopt},
        {"base/5/PG_VERSION", std::nullopt},
        {"base/5/pg_filenode.map", std::nullopt},
        {"base/x/16384", std::nullopt},
        {"base/16384", std::nullopt},
        {"global/pg_control", std::nullopt},
        {"pg_xact/0000", std::nullopt},
        {"pg_xact/1", std::nullopt},
        {"16384", std::nullopt},
        {"", std::nullopt},
        {"/", std::nullopt},
    };
    for (const auto& row : table) {
        CAPTURE(row.path);
        CHECK(parse_relation_file(row.path) == row.file);
    }
}
