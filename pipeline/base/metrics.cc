#include "pipeline/base/metrics.h"

namespace logboom {

void Note::set(std::string_view text) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::lock_guard lock(mutex_);
  content_.text = text;
  content_.epoch_seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

Note::Content Note::content() const {
  const std::lock_guard lock(mutex_);
  return content_;
}

Counter& MetricScope::counter(std::string_view name) {
  const std::lock_guard lock(mutex_);
  auto found = counters_.find(name);
  if (found == counters_.end()) found = counters_.emplace(std::string(name), std::make_unique<Counter>()).first;
  return *found->second;
}

Histogram& MetricScope::histogram(std::string_view name) {
  const std::lock_guard lock(mutex_);
  auto found = histograms_.find(name);
  if (found == histograms_.end()) found = histograms_.emplace(std::string(name), std::make_unique<Histogram>()).first;
  return *found->second;
}

Note& MetricScope::note(std::string_view name) {
  const std::lock_guard lock(mutex_);
  auto found = notes_.find(name);
  if (found == notes_.end()) found = notes_.emplace(std::string(name), std::make_unique<Note>()).first;
  return *found->second;
}

std::vector<MetricScope::NoteSample> MetricScope::notes() const {
  std::vector<NoteSample> out;
  collect_notes("", out);
  return out;
}

void MetricScope::collect_notes(const std::string& prefix, std::vector<NoteSample>& out) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, note] : notes_)
    if (auto content = note->content(); !content.text.empty()) out.push_back({prefix + name, std::move(content)});
  for (const auto& [name, scope] : children_) scope->collect_notes(prefix + name + ".", out);
}

std::vector<MetricScope::HistogramSample> MetricScope::histograms() const {
  std::vector<HistogramSample> out;
  collect_histograms("", out);
  return out;
}

void MetricScope::collect_histograms(const std::string& prefix, std::vector<HistogramSample>& out) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, histogram] : histograms_) out.push_back({prefix + name, histogram.get()});
  for (const auto& [name, scope] : children_) scope->collect_histograms(prefix + name + ".", out);
}

MetricScope& MetricScope::child(std::string_view name) {
  const std::lock_guard lock(mutex_);
  auto found = children_.find(name);
  if (found == children_.end()) found = children_.emplace(std::string(name), std::make_unique<MetricScope>()).first;
  return *found->second;
}

std::vector<MetricScope::Sample> MetricScope::samples() const {
  std::vector<Sample> out;
  collect("", out);
  return out;
}

void MetricScope::collect(const std::string& prefix, std::vector<Sample>& out) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, counter] : counters_) out.push_back({prefix + name, counter->value()});
  for (const auto& [name, histogram] : histograms_) {
    out.push_back({prefix + name + ".count", histogram->total()});
    out.push_back({prefix + name + ".sum_microseconds", histogram->sum_microseconds()});
  }
  for (const auto& [name, scope] : children_) scope->collect(prefix + name + ".", out);
}

}  // namespace logboom
