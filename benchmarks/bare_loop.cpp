// The bare loop that the archiver is measured against: two threads that read, hash, compress (zstd 1), write and fsync
// files, with nobody asking for them and nobody told. usage: bare_loop TARGET-DIRECTORY FILE... Prints the seconds it took.

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

void must(bool done, const std::string& what) {
    if (done) return;
    std::perror(what.c_str());
    std::exit(1);
}

class Worker {
public:
    void archive(const std::filesystem::path& from, const std::filesystem::path& to) {
        const std::size_t length = compress(from);
        const int file = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        must(file >= 0 && ::write(file, out_.data(), length) == static_cast<ssize_t>(length), to);
        must(::fsync(file) == 0 && ::close(file) == 0, to);
    }

private:
    std::size_t compress(const std::filesystem::path& from) {
        const int file = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
        must(file >= 0, from);
        const auto size = std::filesystem::file_size(from);
        out_.resize(ZSTD_compressBound(size));
        ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only);
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, 1);
        ZSTD_CCtx_setPledgedSrcSize(context_.get(), size);
        XXH3_128bits_reset(hash_.get());
        ZSTD_outBuffer out{out_.data(), out_.size(), 0};
        for (ssize_t got = 1; got > 0;) {
            got = ::read(file, buffer_.data(), buffer_.size());
            must(got >= 0, from);
            const auto count = static_cast<std::size_t>(got);
            XXH3_128bits_update(hash_.get(), buffer_.data(), count);
            ZSTD_inBuffer in{buffer_.data(), count, 0};
            must(!ZSTD_isError(ZSTD_compressStream2(context_.get(), &out, &in, got > 0 ? ZSTD_e_continue : ZSTD_e_end)),
                 from);
        }
        ::close(file);
        return out.pos;
    }

    std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_{ZSTD_createCCtx(), ZSTD_freeCCtx};
    std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash_{XXH3_createState(), XXH3_freeState};
    std::array<char, 128 * 1024> buffer_{};
    std::vector<char> out_;
};

}  // namespace

int main(int count, char** arguments) {
    const std::filesystem::path target = arguments[1];
    std::atomic<int> next = 2;
    const auto begun = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 2; ++thread) {
            threads.emplace_back([&] {
                const auto worker = std::make_unique<Worker>();
                for (int at = next++; at < count; at = next++) {
                    const std::filesystem::path from = arguments[at];
                    worker->archive(from, target / from.filename());
                }
            });
        }
    }
    std::printf("%.6f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
}
