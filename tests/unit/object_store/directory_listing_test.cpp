#include "object_store/directory_listing.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;

TEST_CASE("a directory that holds more than a page is told page by page, nothing left out and nothing twice") {
    const test::TemporaryDirectory place;
    std::vector<std::string> expected;
    for (std::size_t number = 0; number <= 2 * listing_limit; ++number) {
        const auto digits = std::to_string(1'000'000 + number);
        const auto directory = "wals/" + digits.substr(0, 4);
        std::filesystem::create_directories(place.path() + '/' + directory);
        expected.push_back(directory + '/' + digits);
        std::ofstream(place.path() + '/' + expected.back());
    }
    // Before them, beside them, and after the last page.
    std::filesystem::create_directory(place.path() + "/base");
    for (const auto* other : {"/base/1", "/walsx", "/x"}) std::ofstream(place.path() + other);

    std::vector<std::string> seen;
    std::optional<std::string> after;
    std::vector<std::size_t> pages;
    do {
        const auto page = list_directory(place.path(), "wals/", "", after);
        REQUIRE(page);
        pages.push_back(page->objects.size());
        for (const auto& object : page->objects) seen.push_back(object.key);
        after = page->next;
        REQUIRE(pages.size() <= 3);
    } while (after);

    CHECK(seen == expected);
    CHECK(pages == std::vector<std::size_t>{listing_limit, listing_limit, 1});
}
