// The seeds of the fuzz targets without libFuzzer: each file whole, cut short, and with single bytes changed. What fails
// is said before it is run, for a target fails by abort().

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "replay_targets.hpp"

namespace {

constexpr std::size_t most_places = 64;  // of each file that are cut at, and changed

void run(const Target& target, const std::string& input) {
    // A copy of exactly this size, so that AddressSanitizer sees a read behind its end.
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    static_cast<void>(target.run(bytes.data(), bytes.size()));
}

int replay(const Target& target, const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    const std::string seed((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    std::printf("%s: %s, %zu bytes\n", target.name, file.filename().c_str(), seed.size());
    std::fflush(stdout);
    run(target, seed);
    const std::size_t step = std::max<std::size_t>(1, seed.size() / most_places);
    for (std::size_t place = 0; place < seed.size(); place += step) {
        run(target, seed.substr(0, place));
        for (const char other : {'\0', '\xff', static_cast<char>(seed[place] ^ 1)}) {
            std::string changed = seed;
            changed[place] = other;
            run(target, changed);
        }
    }
    return 1;
}

}  // namespace

int main() {
    for (const Target& target : targets) {
        int seeds = 0;
        for (const auto& entry : std::filesystem::directory_iterator(target.corpus))
            seeds += replay(target, entry.path());
        if (seeds == 0) {
            std::printf("%s has no seed in %s\n", target.name, target.corpus);
            return 1;
        }
    }
}
