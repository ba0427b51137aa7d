#include "server/api/certificates.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <ctime>
#include <map>
#include <memory>
#include <mutex>

#include "pipeline/base/file_stamp.h"
#include "pipeline/config/plugin_walk.h"

namespace logboom {
namespace {

/// Ends of certificate files, read once for each version of the file.
std::int64_t known_end(const std::string& path) {
  struct Known {
    std::string stamp;
    std::int64_t end = 0;
  };
  static std::mutex mutex;
  static std::map<std::string, Known> known;
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return 0;
  const std::string stamp = file_stamp(facts);
  const std::lock_guard lock(mutex);
  constexpr std::size_t kMostFiles = 1000;
  if (known.size() > kMostFiles) known.clear();
  Known& entry = known[path];
  if (entry.stamp != stamp) entry = {stamp, certificate_end(path)};
  return entry.end;
}

void add(const std::string& pipeline, const std::string& plugin, const std::string& path,
         std::vector<KnownCertificate>& out) {
  if (path.empty()) return;
  for (const KnownCertificate& known : out)
    if (known.pipeline == pipeline && known.plugin == plugin && known.path == path) return;
  if (const std::int64_t end = known_end(path); end != 0) out.push_back({pipeline, plugin, path, end});
}

void add_plugins(const PipelineView& view, const std::vector<Statement>& statements, std::vector<KnownCertificate>& out) {
  for_each_plugin(statements, [&](const PluginNode& node) {
    const Attribute* id = node.find("id");
    if (const Attribute* path = node.find("ssl_certificate"))
      add(view.id, id != nullptr ? id->value.text : node.name, path->value.text, out);
  });
}

}  // namespace

std::int64_t certificate_end(const std::string& path) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(path.c_str(), "r"), &BIO_free);
  if (!file) return 0;
  std::int64_t earliest = 0;
  for (;;) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr),
                                                                  &X509_free);
    if (!certificate) return earliest;
    tm parts{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1) continue;
    const std::int64_t end = timegm(&parts);
    if (earliest == 0 || end < earliest) earliest = end;
  }
}

std::vector<KnownCertificate> certificates_of(const PipelineView& view) {
  std::vector<KnownCertificate> all;
  if (!view.plan) return all;
  const Graph& graph = view.plan->graph;
  for (std::size_t i = 0; i < graph.inputs.size() && i < view.plan->input_sites.size(); ++i)
    if (const Attribute* path = graph.inputs[i].find("ssl_certificate"))
      add(view.id, view.plan->input_sites[i].id, path->value.text, all);
  add_plugins(view, graph.filters, all);
  add_plugins(view, graph.outputs, all);
  for (const LabelNode& label : graph.labels) {
    add_plugins(view, label.filters, all);
    add_plugins(view, label.outputs, all);
  }
  return all;
}

std::vector<KnownCertificate> certificates_in_use(const ApiContext& context) {
  std::vector<KnownCertificate> all;
  add("", "api", context.settings.text("api.ssl.certificate"), all);
  for (const PipelineView& view : context.pipelines.pipelines()) {
    const auto own = certificates_of(view);
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

}  // namespace logboom
