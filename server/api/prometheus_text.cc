#include "server/api/prometheus_text.h"

#include <fmt/format.h>

#include <cmath>

namespace logboom {
namespace {

constexpr std::size_t kFirstBucket = 6;  // below 2^6 µs
constexpr std::size_t kLastBucket = 26;
constexpr std::size_t kBucketStep = 2;

/// Backslash, quote and line break are escaped (Prometheus, exposition formats); other control characters become '?'.
void append_label_value(std::string_view value, std::string& out) {
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
}

std::string label_text(const PrometheusText::Labels& labels, std::string_view bucket = {}) {
  std::string out;
  for (const auto& [name, value] : labels) {
    out += out.empty() ? '{' : ',';
    out += name;
    out += "=\"";
    append_label_value(value, out);
    out += '"';
  }
  if (!bucket.empty()) out += fmt::format("{}le=\"{}\"", out.empty() ? "{" : ",", bucket);
  if (!out.empty()) out += '}';
  return out;
}

std::string number_text(double value) {
  const bool is_whole = std::floor(value) == value && std::fabs(value) < 1e15;
  return is_whole ? fmt::format("{:.0f}", value) : fmt::format("{}", value);
}

const char* kind_name(PrometheusText::Kind kind) {
  switch (kind) {
    case PrometheusText::Kind::Counter: return "counter";
    case PrometheusText::Kind::Histogram: return "histogram";
    case PrometheusText::Kind::Gauge: break;
  }
  return "gauge";
}

}  // namespace

std::string metric_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += is_plain ? c : '_';
  }
  return out;
}

PrometheusText::Family* PrometheusText::family(std::string_view name, std::string_view help, Kind kind, std::size_t series) {
  if (series_ + series > most_series_) {
    left_out_ += series;
    return nullptr;
  }
  series_ += series;
  auto found = families_.find(name);
  if (found == families_.end()) found = families_.emplace(std::string(name), Family{kind, std::string(help), ""}).first;
  return &found->second;
}

void PrometheusText::counter(std::string_view name, std::string_view help, const Labels& labels, double value) {
  Family* one = family(name, help, Kind::Counter, 1);
  if (one != nullptr) one->samples += fmt::format("{}{} {}\n", name, label_text(labels), number_text(value));
}

void PrometheusText::gauge(std::string_view name, std::string_view help, const Labels& labels, double value) {
  Family* one = family(name, help, Kind::Gauge, 1);
  if (one != nullptr) one->samples += fmt::format("{}{} {}\n", name, label_text(labels), number_text(value));
}

void PrometheusText::histogram(std::string_view name, std::string_view help, const Labels& labels,
                               const Histogram& histogram) {
  constexpr std::size_t kSeries = (kLastBucket - kFirstBucket) / kBucketStep + 4;
  Family* one = family(name, help, Kind::Histogram, kSeries);
  if (one == nullptr) return;
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  for (std::size_t bound = kFirstBucket; bound <= kLastBucket; bound += kBucketStep) {
    for (; bucket <= bound; ++bucket) below += histogram.count(bucket);
    const double seconds = std::ldexp(1e-6, static_cast<int>(bound));
    one->samples += fmt::format("{}_bucket{} {}\n", name, label_text(labels, fmt::format("{}", seconds)), below);
  }
  for (; bucket < Histogram::kBuckets; ++bucket) below += histogram.count(bucket);
  one->samples += fmt::format("{}_bucket{} {}\n", name, label_text(labels, "+Inf"), below);
  one->samples += fmt::format("{}_sum{} {}\n", name, label_text(labels),
                              number_text(static_cast<double>(histogram.sum_microseconds()) / 1e6));
  one->samples += fmt::format("{}_count{} {}\n", name, label_text(labels), below);
}

std::string PrometheusText::text() const {
  std::string out;
  for (const auto& [name, one] : families_)
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n{}", name, one.help, name, kind_name(one.kind), one.samples);
  out += fmt::format(
      "# HELP logboom_metrics_left_out_series Series that were too many for one page.\n"
      "# TYPE logboom_metrics_left_out_series gauge\nlogboom_metrics_left_out_series {}\n",
      left_out_);
  return out;
}

}  // namespace logboom
