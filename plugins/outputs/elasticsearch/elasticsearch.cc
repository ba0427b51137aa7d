// elasticsearch: events as documents, in bulk requests to Elasticsearch or OpenSearch.
// Tested by tests/plugins/outputs/elasticsearch_test.cc. Reference page: generated from the declarations in options.cc.
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <future>
#include <iterator>
#include <thread>

#include "pipeline/base/log.h"
#include "pipeline/net/gzip.h"
#include "pipeline/net/http_client.h"
#include "pipeline/net/http_text.h"
#include "pipeline/net/server_address.h"
#include "pipeline/plugin/registry.h"
#include "plugins/outputs/elasticsearch/bulk_answer.h"
#include "plugins/outputs/elasticsearch/cluster.h"
#include "plugins/outputs/elasticsearch/cluster_nodes.h"
#include "plugins/outputs/elasticsearch/cluster_setup.h"
#include "plugins/outputs/elasticsearch/document_writer.h"
#include "plugins/outputs/elasticsearch/options.h"

namespace logboom {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMostBulkBytes = 20 * 1024 * 1024;  // before compression, as Logstash; one document may be larger
constexpr auto kSetupPause = std::chrono::seconds(1);
constexpr auto kLongestSetupPause = std::chrono::seconds(30);
constexpr auto kPatienceAtEnd = std::chrono::seconds(5);

std::chrono::milliseconds milliseconds_of(const Duration& duration) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(duration.seconds, 86400.0) * 1000));
}

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
        counters_(context.metrics()) {
    check_elasticsearch_options(options_, context);
    read_addresses(context);
    read_client_options(context);
    const std::string base = options_.bulk_path.value_or("/_bulk");
    bulk_path_ =
        fmt::format("{}{}?filter_path=errors,items.*.error,items.*.status", base.empty() || base[0] == '/' ? "" : "/", base);
    for (const auto& [name, value] : options_.parameters)
      bulk_path_ += fmt::format("&{}={}", percent_encoded(name), percent_encoded(value));
    if (options_.http_compression && !*options_.http_compression) options_.compression_level = 0;
  }

  ~ElasticsearchOutput() override { stop(); }

  RetryPolicy retry_policy() const override {
    return {milliseconds_of(options_.retry_initial_interval), milliseconds_of(options_.retry_max_interval)};
  }

  /// Does not wait for the cluster: that may be down while senders are already to be served.
  Result<void> start() override {
    cluster_ = std::make_unique<Cluster>(urls_);
    client_ = std::make_unique<HttpClient>(client_options_);
    keeper_ = std::thread([this] { keep(); });
    return {};
  }

  void deliver(DeliveryPtr delivery) override {
    {
      const std::lock_guard lock(mutex_);
      if (!is_stopping_ && (writer_ == nullptr || !cluster_->has_server())) {
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
    changed_.notify_all();
    for (const DeliveryPtr& delivery : left) delivery->report_all(Outcome::retry("the output is stopping"));
    if (client_) client_->close(kPatienceAtEnd);
    if (keeper_.joinable()) keeper_.join();
  }

 private:
  // ---- what the options say ----

  void read_addresses(const PluginContext& context) {
    const bool uses_tls = options_.ssl_enabled.value_or(false);
    if (options_.cloud_id) {
      const auto url = server_of_cloud_id(*options_.cloud_id);
      if (url) {
        urls_.push_back(*url);
      } else {
        context.error("cloud_id", url.error().message);
      }
    } else {
      if (options_.hosts.empty()) context.error("hosts", "hosts: names no server", "give at least one address");
      for (const std::string& host : options_.hosts) {
        const auto address = parse_server_address(host, uses_tls, options_.path);
        if (!address) {
          context.error("hosts", address.error().message, "write https://host:9200");
          continue;
        }
        urls_.push_back(address->url);
        if (!address->user_info.empty()) credentials_ = address->user_info;
      }
    }
    const auto is_https = [](const std::string& url) { return url.rfind("https://", 0) == 0; };
    const bool has_plain = !std::all_of(urls_.begin(), urls_.end(), is_https);
    if (options_.ssl_enabled &&
        std::any_of(urls_.begin(), urls_.end(), [&](const auto& url) { return is_https(url) != uses_tls; }))
      context.error("ssl_enabled", "ssl_enabled: an address in hosts says otherwise", "leave it out, or make them agree");
    if (options_.api_key && has_plain)
      context.error("api_key", "api_key: would go over the network in clear",
                    "use https:// in hosts, or ssl_enabled => true");
    if (options_.user) credentials_ = *options_.user + ":" + (options_.password ? options_.password->value : "");
    if (options_.cloud_auth) credentials_ = options_.cloud_auth->value;
    path_ = "";
    if (!urls_.empty()) {
      const std::size_t authority = urls_[0].find("://") + 3;
      const std::size_t slash = urls_[0].find('/', authority);
      if (slash != std::string::npos) path_ = urls_[0].substr(slash);
      scheme_ = urls_[0].substr(0, authority - 3);
    }
  }

  void read_client_options(const PluginContext& context) {
    HttpClientOptions& to = client_options_;
    to.max_transfers = options_.pool_max;
    to.max_transfers_per_host = options_.pool_max_per_route;
    to.request_seconds = options_.timeout.seconds;
    to.connect_seconds = std::min(options_.timeout.seconds, 10.0);
    to.silence_seconds = 0;  // a bulk request may take a while to answer; `timeout` bounds it
    to.follows_redirects = false;
    to.keeps_cookies = false;
    to.verifies_peer = options_.ssl_verification_mode != "none";
    to.verifies_name = options_.ssl_verification_mode == "full";
    to.certificate_file = options_.ssl_certificate.value_or("");
    to.key_file = options_.ssl_key.value_or("");
    if (options_.ssl_key_passphrase) to.key_passphrase = options_.ssl_key_passphrase->value;
    to.tls_protocols = options_.ssl_supported_protocols;
    to.cipher_suites = options_.ssl_cipher_suites;
    to.proxy = options_.proxy.value_or("");
    to.max_answer_bytes = 64 * 1024 * 1024;
    if (to.certificate_file.empty() != to.key_file.empty())
      context.error(to.key_file.empty() ? "ssl_certificate" : "ssl_key", "ssl_certificate and ssl_key belong together",
                    "give both, or neither");
    for (const std::string& file : options_.ssl_certificate_authorities) {
      std::ifstream in(file, std::ios::binary);
      const std::string pem((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
      if (pem.find("-----BEGIN") == std::string::npos)
        context.error("ssl_certificate_authorities",
                      fmt::format("ssl_certificate_authorities: {} holds no PEM certificate", file));
      to.authorities_pem += pem + "\n";
    }
    for (const auto& [name, value] : options_.custom_headers) {
      if (name.empty() || name.find_first_of(": \t\r\n") != std::string::npos)
        context.error("custom_headers", fmt::format("custom_headers: \"{}\" is no header name", name));
      headers_.emplace_back(name, value);
    }
    if (options_.api_key) {
      const std::string& key = options_.api_key->value;
      headers_.emplace_back("Authorization", "ApiKey " + (key.find(':') == std::string::npos ? key : encode_base64(key)));
    } else if (!credentials_.empty()) {
      headers_.emplace_back("Authorization", "Basic " + encode_base64(credentials_));
    }
  }

  std::string place() const { return fmt::format("pipeline {}, output {}", pipeline_, id_); }

  // ---- the keeper's thread: setup, health, sniffing ----

  void keep() {
    auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(kSetupPause);
    while (!is_set_up()) {
      if (set_up()) break;
      if (wait(pause)) return;
      pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestSetupPause);
    }
    auto next_sniff = steady_clock::now();
    const auto tick =
        std::min(milliseconds_of(options_.resurrect_delay),
                 options_.sniffing ? milliseconds_of(options_.sniffing_delay) : std::chrono::milliseconds::max());
    for (;;) {
      look_after_servers();
      if (options_.sniffing && steady_clock::now() >= next_sniff) {
        sniff();
        next_sniff = steady_clock::now() + milliseconds_of(options_.sniffing_delay);
      }
      release_waiting();
      if (wait(tick)) return;
    }
  }

  bool is_set_up() {
    const std::lock_guard lock(mutex_);
    return writer_ != nullptr || is_stopping_;
  }

  /// True when the output is stopping.
  bool wait(std::chrono::milliseconds pause) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, pause, [this] { return is_stopping_; });
    return is_stopping_;
  }

  /// One request of the keeper's own; waits for the answer.
  Result<HttpAnswer> ask(const Cluster::ServerPtr& server, std::string_view method, const std::string& path,
                         std::string body) {
    HttpCall call;
    call.method = method;
    call.url = server->url + path;
    call.headers = headers_;
    if (!body.empty()) call.headers.emplace_back("Content-Type", "application/json");
    call.body = std::move(body);
    auto promise = std::make_shared<std::promise<Result<HttpAnswer>>>();
    auto answer = promise->get_future();
    client_->send(std::move(call), [promise](Result<HttpAnswer> result) { promise->set_value(std::move(result)); });
    return answer.get();
  }

  bool set_up() {
    std::string problem;
    for (const auto& server : cluster_->servers()) {
      const auto answer = ask(server, "GET", "/", {});
      server->is_well = answer && answer->status < 500 && answer->status != 429;
      if (!answer) problem = explain(server->url, answer.error().message);
    }
    count_servers();
    const auto server = cluster_->pick();
    if (server == nullptr) {
      if (problem.empty()) problem = "no server is well";
      complain("{}: {}; events wait", place(), problem);
      return false;
    }
    const ClusterSetup setup(options_, is_data_stream_, is_ecs_);
    const auto target = setup.run([&](std::string_view method, const std::string& path, std::string body) {
      return ask(server, method, path, std::move(body));
    });
    if (!target) {
      if (target.error().code != ErrorCode::Cancelled)
        complain("{}: {}: {}; events wait", place(), server->url, target.error().message);
      return false;
    }
    {
      const std::lock_guard lock(mutex_);
      writer_ = std::make_shared<const DocumentWriter>(options_, DocumentWriter::Target{is_data_stream_, *target});
    }
    log_info(id_, "{}: {} is ready", place(), server->url);
    return true;
  }

  template <class... Args>
  void complain(fmt::format_string<Args...> format, Args&&... args) {
    if (problem_log_.allow()) log_error(id_, format, std::forward<Args>(args)...);
  }

  std::string explain(const std::string& url, const std::string& error) const {
    const std::string_view remedy = remedy_of_connection(error);
    return remedy.empty() ? fmt::format("{}: {}", url, error) : fmt::format("{}: {}; {}", url, error, remedy);
  }

  void look_after_servers() {
    for (const auto& server : cluster_->servers()) {
      if (server->is_well) continue;
      const auto answer = ask(server, "HEAD", options_.healthcheck_path.value_or("/"), {});
      if (!answer || answer->status >= 500 || answer->status == 429) continue;
      server->is_well = true;
      log_info(id_, "{}: {} is back", place(), server->url);
    }
    count_servers();
  }

  void count_servers() {
    const auto servers = cluster_->servers();
    counters_.servers_well.set(static_cast<std::uint64_t>(
        std::count_if(servers.begin(), servers.end(), [](const auto& server) { return server->is_well.load(); })));
  }

  void sniff() {
    const auto server = cluster_->pick();
    if (server == nullptr) return;
    const auto answer = ask(server, "GET", options_.sniffing_path.value_or("/_nodes/http"), {});
    if (!answer || answer->status != 200) return;
    const auto urls = servers_of_nodes_answer(answer->body, scheme_, path_);
    if (urls && !urls->empty()) {
      cluster_->replace(*urls);
    } else {
      complain("{}: sniffing: {}", place(), urls ? "the cluster names no node to send to" : urls.error().message);
    }
  }

  void release_waiting() {
    std::vector<DeliveryPtr> ready;
    {
      const std::lock_guard lock(mutex_);
      if (writer_ == nullptr || !cluster_->has_server()) return;
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
        "{}: effectively_once: events come from inputs without lasting positions (kafka, file and persisted queues have "
        "them): their ids hold for this run of the process, so that retries double nothing; what a sender sends again "
        "after a restart is a document of its own",
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
    call.url = bulk.server->url + bulk_path_;
    call.headers = headers_;
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
      if (answer.error().code != ErrorCode::Cancelled && bulk.server->is_well.exchange(false))
        log_warn(id_, "{}: {}; it is looked at every {} s", place(), explain(bulk.server->url, answer.error().message),
                 options_.resurrect_delay.seconds);
      retry(bulk, fmt::format("{}: {}", place(), explain(bulk.server->url, answer.error().message)));
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
  std::vector<std::string> urls_;
  std::string scheme_;
  std::string path_;
  std::string credentials_;
  HttpHeaders headers_;
  std::string bulk_path_;
  HttpClientOptions client_options_;
  LogRateLimit problem_log_;
  LogRateLimit document_log_;
  std::atomic<std::size_t> bytes_per_document_{512};
  std::atomic<bool> has_told_about_ids_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const DocumentWriter> writer_;  // nullptr until the cluster is set up
  std::vector<DeliveryPtr> waiting_;              // for the setup, or for any server
  bool is_stopping_ = false;

  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<HttpClient> client_;
  std::thread keeper_;
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
device, inode and offset; a persisted queue's sequence) and creates the document under it: what is read again after a crash is
answered with 409, and is there once. Copies by `clone`, `split` and labels have ids of their own, which follow from the
configuration: they change when it changes. Events of inputs without lasting positions (tcp, http, …) have ids that hold for one
run of the process: retries double nothing, a sender that sends again after a restart does; a warning at the first one says so.

**Data streams** are used as Logstash decides: with ECS, unless `index`, `ilm_*`, `template*`, an `action` other than `create`,
versions or updates are given.

Instead of an unset option, `[@metadata][_ingest_document]` (`id`, `index`, `routing`, `pipeline`, `version`, `version_type`) and
`[@metadata][target_ingest_pipeline]` of an event count.)"});

}  // namespace
}  // namespace logboom
