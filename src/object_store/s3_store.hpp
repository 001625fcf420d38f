#pragma once
// The port over Amazon S3 and what speaks its protocol (MinIO, Ceph, R2, GCS' XML interface).
//
// put_if_absent asks with `If-None-Match: *`. Not every store honours that, and some ignore it silently, so the first
// call of the process finds out: it puts the key `<prefix><server>/.pgbosun-probe` under that condition until the
// store refuses (honoured) or overwrites (not). Where it is not honoured, HEAD comes first; then two writers that ask
// at the same moment can both be told success, and the later one's bytes stay: use one writer, or another store.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "object_store/credentials.hpp"
#include "object_store/http_client.hpp"
#include "object_store/retry_policy.hpp"
#include "object_store/s3_messages.hpp"
#include "object_store/s3_request.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

struct S3Options {
    S3Address address;
    std::string prefix;     // "" or "path/"
    std::string probe_key;  // relative to the prefix
    S3Credentials credentials;
    std::optional<std::string> ca_file;
    HttpLimits limits;
    RetryPolicy retry;
};

class S3ObjectStore final : public ObjectStore {
public:
    explicit S3ObjectStore(S3Options options);

    Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                           const ObjectMetadata& metadata) override;
    Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) override;
    Result<ObjectFacts> get(const std::string& key, const Sink& sink,
                            const std::function<void()>& restart) override;
    Result<ObjectFacts> head(const std::string& key) override;
    Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                         const std::optional<std::string>& after) override;
    Result<> remove(const std::vector<std::string>& keys) override;
    [[nodiscard]] std::string describe() const override;
    void cancel() override;

private:
    enum class Condition { unknown, honoured, ignored };
    struct Answer {
        Verdict verdict;
        HttpAnswer http;
        S3Error error;
    };

    // Retries by the policy; answers with success, absent, exists or unsupported. `restart` comes before each attempt.
    Result<Answer> ask(const S3Operation& operation, const Sink& sink = {}, const std::function<void()>& restart = {});
    Result<Condition> condition();
    Result<Condition> probe();
    Result<> put_after_head(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata);
    [[nodiscard]] S3Operation put_operation(const std::string& key, std::span<const std::byte> body,
                                            const ObjectMetadata& metadata) const;
    Result<> remove_some(const std::vector<std::string>& keys);

    const S3Options options_;
    HttpClient client_;
    std::atomic<std::int64_t> clock_offset_s_ = 0;  // the store's clock less ours
    std::mutex probing_;
    std::atomic<Condition> condition_ = Condition::unknown;
};

}  // namespace pgbosun::object_store
