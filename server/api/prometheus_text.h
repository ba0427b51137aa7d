// Prometheus's text format: families of samples, each said once, with a limit on how many there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/metrics.h"

namespace logboom {

/// Collects samples in any order and writes them family by family. One thread.
class PrometheusText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;
  enum class Kind { Counter, Gauge, Histogram };

  explicit PrometheusText(std::size_t most_series = 50'000) : most_series_(most_series) {}

  void counter(std::string_view name, std::string_view help, const Labels& labels, double value);
  void gauge(std::string_view name, std::string_view help, const Labels& labels, double value);
  /// In seconds; buckets from 64 µs to 67 s, each four times the one before.
  void histogram(std::string_view name, std::string_view help, const Labels& labels, const Histogram& histogram);

  /// All families in the order of their names. Series beyond the limit are left out and counted.
  std::string text() const;

 private:
  struct Family {
    Kind kind = Kind::Gauge;
    std::string help;
    std::string samples;
  };
  Family* family(std::string_view name, std::string_view help, Kind kind, std::size_t series);
  std::map<std::string, Family, std::less<>> families_;
  const std::size_t most_series_;
  std::size_t series_ = 0;
  std::size_t left_out_ = 0;
};

/// A name of ours as a metric's name may be: letters, digits and underscores.
std::string metric_name(std::string_view text);

}  // namespace logboom
