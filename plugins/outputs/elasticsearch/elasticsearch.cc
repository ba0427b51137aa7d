// elasticsearch: events as documents, in bulk requests to Elasticsearch or OpenSearch.
// Tested by tests/plugins/outputs/elasticsearch_test.cc. Reference page: generated from the declarations in options.cc.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "pipeline/base/log.h"
#include "pipeline/net/gzip.h"
#include "pipeline/net/http_client.h"
#include "pipeline/net/http_remedies.h"
#include "pipeline/plugin/registry.h"
#include "plugins/outputs/elasticsearch/bulk_answer.h"
#include "plugins/outputs/elasticsearch/cluster.h"
#include "plugins/outputs/elasticsearch/cluster_keeper.h"
#include "plugins/outputs/elasticsearch/connection.h"
#include "plugins/outputs/elasticsearch/document_writer.h"
#include "plugins/outputs/elasticsearch/options.h"

namespace logboom {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMostBulkBytes = 20 * 1024 * 1024;  // before compression, as Logstash; one document may be larger
constexpr auto kPatienceAtEnd = std::chrono::seconds(5);

/// One bulk request under way.
struct Bulk {
  DeliveryPtr delivery;
  std::vector<std::size_t> indexes;  // of its documents in the delivery
  Cluster::ServerPtr server;
  steady_clock::time_point begun;
};

struct OutputCounters {
  explicit OutputCounters(MetricScope& metrics)
      : requests(metrics.counter("requests")),
        failed_requests(metrics.counter("failed_requests")),
        bytes(metrics.counter("bytes_sent")),
        latency(metrics.histogram("request_latency")),
        taken(metrics.counter("documents.taken")),
        conflicts(metrics.counter("documents.conflicts")),
        let_go(metrics.counter("documents.let_go")),
        retried(metrics.counter("documents.retried")),
        rejected(metrics.counter("documents.rejected")),
        servers_well(metrics.counter("servers_well")),
        ids_of_this_run(metrics.counter("documents.ids_of_this_run")),
        ids_missing(metrics.counter("documents.ids_missing")) {}
  Counter& requests;
  Counter& failed_requests;
  Counter& bytes;
  Histogram& latency;
  Counter& taken;
  Counter& conflicts;
  Counter& let_go;
  Counter& retried;
  Counter& rejected;
  Counter& servers_well;
  Counter& ids_of_this_run;
  Counter& ids_missing;
};

class ElasticsearchOutput final : public Output {
 public:
  ElasticsearchOutput(ElasticsearchOptions options, const PluginContext& context)
      : options_(std::move(options)),
        id_(context.id()),
        pipeline_(context.pipeline_id()),
        is_ecs_(context.is_ecs()),
        is_data_stream_(uses_data_stream(options_, context)),
        counters_(context.metrics()),
        connection_(connection_of(options_, context)) {
    check_elasticsearch_options(options_, context);
    if (options_.http_compression && !*options_.http_compression) options_.compression_level = 0;
  }

  ~ElasticsearchOutput() override { stop(); }

  RetryPolicy retry_policy() const override {
    return {milliseconds_of(options_.retry_initial_interval), milliseconds_of(options_.retry_max_interval)};
  }

  /// Does not wait for the cluster: that may be down while senders are already to be served.
  Result<void> start() override {
    cluster_ = std::make_unique<Cluster>(connection_.urls);
    client_ = std::make_unique<HttpClient>(connection_.client);
    keeper_ = std::make_unique<ClusterKeeper>(
        options_, connection_,
        ClusterKeeper::Settings{is_data_stream_, is_ecs_, id_, place(),
                                [this](const std::string& problem) { note_trouble(problem); }},
        *cluster_, *client_, counters_.servers_well, [this](FieldTemplate target) { begin_writing(std::move(target)); },
        [this] { release_waiting(); });
    return {};
  }

  void deliver(DeliveryPtr delivery) override {
    {
      const std::lock_guard lock(mutex_);
      if (!is_stopping_ && (writer_ == nullptr || !cluster_->has_server())) {
        if (!trouble_.empty()) delivery->note_trouble(trouble_);
        waiting_.push_back(std::move(delivery));
        return;
      }
      if (is_stopping_) {
        delivery->report_all(Outcome::retry("the output is stopping"));
        return;
      }
    }
    send_all(delivery);
  }

  void stop() override {
    std::vector<DeliveryPtr> left;
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
      left.swap(waiting_);
    }
    if (keeper_) keeper_->request_stop();
    for (const DeliveryPtr& delivery : left) delivery->report_all(Outcome::retry("the output is stopping"));
    if (client_) client_->close(kPatienceAtEnd);
    keeper_.reset();
  }

 private:
  std::string place() const { return fmt::format("pipeline {}, output {}", pipeline_, id_); }

  void begin_writing(FieldTemplate target) {
    const std::lock_guard lock(mutex_);
    writer_ = std::make_shared<const DocumentWriter>(options_, DocumentWriter::Target{is_data_stream_, std::move(target)});
  }

  /// Why events wait.
  void note_trouble(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    trouble_ = problem;
    if (!waiting_.empty()) waiting_.front()->note_trouble(trouble_);
  }

  void release_waiting() {
    std::vector<DeliveryPtr> ready;
    {
      const std::lock_guard lock(mutex_);
      if (writer_ == nullptr || !cluster_->has_server()) return;
      trouble_.clear();
      ready.swap(waiting_);
    }
    for (const DeliveryPtr& delivery : ready) send_all(delivery);
  }

  // ---- sending ----

  void send_all(const DeliveryPtr& delivery) {
    std::vector<std::size_t> indexes(delivery->events().size());
    for (std::size_t i = 0; i < indexes.size(); ++i) indexes[i] = i;
    send(delivery, indexes);
  }

  /// Sends these events of a delivery, in as many requests as their size wants.
  void send(const DeliveryPtr& delivery, std::span<const std::size_t> indexes) {
    const std::shared_ptr<const DocumentWriter> writer = current_writer();
    std::string body;
    std::vector<std::size_t> in_body;
    in_body.reserve(indexes.size());
    std::size_t this_run = 0;
    std::size_t missing = 0;
    body.reserve(std::min(kMostBulkBytes, indexes.size() * bytes_per_document_.load(std::memory_order_relaxed) + 1024));
    for (const std::size_t index : indexes) {
      const std::size_t before = body.size();
      const auto written = writer->append(*delivery->events()[index], body);
      if (written.refusal) {
        counters_.rejected.add();
        delivery->report(index, *written.refusal);
        continue;
      }
      this_run += written.id == DocumentId::OfThisRun;
      missing += written.id == DocumentId::None;
      if (body.size() > kMostBulkBytes && !in_body.empty()) {
        std::string rest = body.substr(before);
        body.resize(before);
        send_body(delivery, std::move(in_body), std::move(body));
        body = std::move(rest);
        in_body.clear();
      }
      in_body.push_back(index);
    }
    if (this_run + missing > 0) tell_about_ids(this_run, missing);
    if (!in_body.empty()) send_body(delivery, std::move(in_body), std::move(body));
  }

  std::shared_ptr<const DocumentWriter> current_writer() {
    const std::lock_guard lock(mutex_);
    return writer_;
  }

  void tell_about_ids(std::size_t this_run, std::size_t missing) {
    counters_.ids_of_this_run.add(this_run);
    counters_.ids_missing.add(missing);
    if (has_told_about_ids_.exchange(true)) return;
    log_warn(
        id_,
        "{}: effectively_once: events come without lasting positions (those of kafka and file have them, and those that "
        "a persisted queue keeps): their ids hold for this run of the process, so that retries double nothing; what a "
        "sender sends again after a restart is a document of its own",
        place());
  }

  void send_body(const DeliveryPtr& delivery, std::vector<std::size_t> indexes, std::string body) {
    Bulk bulk{delivery, std::move(indexes), cluster_->pick(), steady_clock::now()};
    if (bulk.server == nullptr) {
      report(bulk, Outcome::retry(fmt::format("{}: no server is well", place())));
      return;
    }
    bytes_per_document_.store(body.size() / bulk.indexes.size() + 64, std::memory_order_relaxed);
    HttpCall call;
    call.url = bulk.server->url + connection_.bulk_path;
    call.headers = connection_.headers;
    call.headers.emplace_back("Content-Type", "application/x-ndjson");
    call.headers.emplace_back("X-Elastic-Event-Count", std::to_string(bulk.indexes.size()));
    call.headers.emplace_back("X-Elastic-Uncompressed-Request-Length", std::to_string(body.size()));
    if (options_.compression_level > 0) {
      call.body = gzip_compress_at_level(body, static_cast<int>(options_.compression_level));
      call.headers.emplace_back("Content-Encoding", "gzip");
    } else {
      call.body = std::move(body);
    }
    counters_.requests.add();
    counters_.bytes.add(call.body.size());
    ++bulk.server->requests;
    client_->send(std::move(call), [this, bulk = std::move(bulk)](Result<HttpAnswer> answer) { finish(bulk, answer); });
  }

  // ---- answers, on the client's thread ----

  static void report(const Bulk& bulk, const Outcome& outcome) {
    if (bulk.indexes.size() == bulk.delivery->events().size()) {
      bulk.delivery->report_all(outcome);
      return;
    }
    for (const std::size_t index : bulk.indexes) bulk.delivery->report(index, outcome);
  }

  void retry(const Bulk& bulk, std::string reason, int code = 0) {
    counters_.failed_requests.add();
    counters_.retried.add(bulk.indexes.size());
    report(bulk, Outcome::retry(std::move(reason), code));
  }

  void finish(const Bulk& bulk, const Result<HttpAnswer>& answer) {
    --bulk.server->requests;
    counters_.latency.observe(steady_clock::now() - bulk.begun);
    if (!answer) {
      const std::string problem =
          fmt::format("{}: {}", place(), explain_connection(bulk.server->url, answer.error().message));
      if (answer.error().code != ErrorCode::Cancelled && bulk.server->is_well.exchange(false)) {
        log_warn(id_, "{}; it is looked at every {} s", problem, options_.resurrect_delay.seconds);
        note_trouble(problem);
      }
      retry(bulk, problem);
      return;
    }
    if (answer->status >= 200 && answer->status < 300) {
      read_documents(bulk, *answer);
      return;
    }
    const std::string reason = fmt::format("{}: {}: {}", place(), bulk.server->url,
                                           explain_answer(answer->status, answer->content_type, answer->body));
    const bool is_about_content = answer->status == 413 || answer->status == 400;
    if (!is_about_content) {
      retry(bulk, reason, answer->status);
    } else if (bulk.indexes.size() == 1) {
      counters_.failed_requests.add();
      counters_.rejected.add();
      report(bulk, Outcome::permanent(reason, answer->status));
    } else {  // the halves: in the end only what is too much or malformed by itself is left
      counters_.failed_requests.add();
      const std::span<const std::size_t> indexes(bulk.indexes);
      send(bulk.delivery, indexes.subspan(0, indexes.size() / 2));
      send(bulk.delivery, indexes.subspan(indexes.size() / 2));
    }
  }

  void read_documents(const Bulk& bulk, const HttpAnswer& answer) {
    const auto read = BulkAnswer::read(answer.body, bulk.indexes.size());
    if (!read) {
      const std::string why = explain_answer(0, answer.content_type, {});
      retry(bulk, fmt::format("{}: {}: {}", place(), bulk.server->url, why.empty() ? read.error().message : why));
      return;
    }
    if (!read->has_errors) {
      counters_.taken.add(bulk.indexes.size());
      report(bulk, Outcome::delivered());
      return;
    }
    for (std::size_t i = 0; i < bulk.indexes.size(); ++i) judge(bulk, bulk.indexes[i], read->documents[i]);
  }

  void judge(const Bulk& bulk, std::size_t index, const BulkAnswer::Document& document) {
    switch (verdict_of(document, options_)) {
      case DocumentVerdict::Taken:
        counters_.taken.add();
        bulk.delivery->report(index, Outcome::delivered());
        return;
      case DocumentVerdict::Conflict:
        counters_.conflicts.add();
        if (!options_.effectively_once) tell(document, "was there already; the event is let go");
        bulk.delivery->report(index, Outcome::delivered());
        return;
      case DocumentVerdict::LetGo:
        counters_.let_go.add();
        tell(document, "was refused; the event is let go, as drop_error_types says");
        bulk.delivery->report(index, Outcome::delivered());
        return;
      case DocumentVerdict::Retry:
        counters_.retried.add();
        bulk.delivery->report(index, Outcome::retry(describe(document), document.status));
        return;
      case DocumentVerdict::Final:
        counters_.rejected.add();
        bulk.delivery->report(index, Outcome::permanent(describe(document), document.status));
        return;
    }
  }

  std::string describe(const BulkAnswer::Document& document) const {
    const std::string_view remedy = remedy_of(document.error_type);
    return fmt::format("{}: {}{}{}", place(), document.reason, remedy.empty() ? "" : "; ", remedy);
  }

  void tell(const BulkAnswer::Document& document, std::string_view what) {
    const auto& silent = options_.silence_errors_in_log;
    if (std::find(silent.begin(), silent.end(), document.error_type) != silent.end() || !document_log_.allow()) return;
    log_warn(id_, "{}: a document {}: status {}, {} ({} more held back)", place(), what, document.status, document.reason,
             document_log_.suppressed());
  }

  ElasticsearchOptions options_;
  const std::string id_;
  const std::string pipeline_;
  const bool is_ecs_;
  const bool is_data_stream_;
  OutputCounters counters_;
  const ElasticsearchConnection connection_;
  LogRateLimit document_log_;
  std::atomic<std::size_t> bytes_per_document_{512};
  std::atomic<bool> has_told_about_ids_{false};

  std::mutex mutex_;
  std::shared_ptr<const DocumentWriter> writer_;  // nullptr until the cluster is set up
  std::vector<DeliveryPtr> waiting_;              // for the setup, or for any server
  std::string trouble_;                           // why
  bool is_stopping_ = false;

  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<ClusterKeeper> keeper_;
};

const RegisterOutput registered(
    {.name = "elasticsearch",
     .summary = "Events as documents, in bulk requests to Elasticsearch 7 to 9 or OpenSearch.",
     .make = make_output<ElasticsearchOutput, elasticsearch_options>,
     .details =
         R"(**Delivered** means the server answered for this document with 200 or 201, or 409: a document of its id is there already.

What becomes of a document is its own affair, not its request's:

| answer | then |
| --- | --- |
| 200, 201 | delivered |
| 409 | delivered; counted as a conflict and, unless `effectively_once` makes the ids, logged |
| 400, 404, `dlq_custom_codes` | final: dead-letter queue, with the server's reason |
| an error type of `drop_error_types` | let go |
| anything else (429, 503, …) | tried again, this document alone, after `retry_initial_interval`, doubling to `retry_max_interval`, with jitter |
| a request refused with 413 or 400 | its halves are sent; a single document that is refused so is final |
| a request refused otherwise, no connection, an HTML page, an answer cut short | all of its documents are tried again |

A server that cannot be reached gets nothing until a look at `healthcheck_path`, every `resurrect_delay`, succeeds. While there is
no server, events wait; that never holds up a reload or the end.

**`effectively_once`** makes an id of 22 letters from where the event was read (Kafka's topic, partition and offset; a file's
device, inode and offset) and creates the document under it: what is read again after a crash is
answered with 409, and is there once. Copies by `clone`, `split` and labels have ids of their own, which follow from the
configuration: they change when it changes. A persisted queue and a disk buffer keep ids with their events, so what they give again
after a crash makes no second document either. Events of inputs without lasting positions (tcp, http, …) that neither keeps
have ids that hold for one run of the process: retries double nothing, a sender that sends again after a restart does; a warning at
the first one says so.

**Data streams** are used as Logstash decides: with ECS, unless `index`, `ilm_*`, `template*`, an `action` other than `create`,
versions or updates are given.

Instead of an unset option, `[@metadata][_ingest_document]` (`id`, `index`, `routing`, `pipeline`, `version`, `version_type`) and
`[@metadata][target_ingest_pipeline]` of an event count.)"});

}  // namespace
}  // namespace logboom
