// cidr: finds addresses that lie in one of some networks.
// Tested by tests/plugins/filters/cidr_test.cc. Reference page: generated from the declarations below.
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/base/result.h"
#include "pipeline/plugin/registry.h"
#include "plugins/filters/cidr/network_set.h"

namespace logboom {
namespace {

struct CidrOptions {
  std::vector<FieldTemplate> address;
  std::optional<FieldRef> address_field;
  std::vector<FieldTemplate> network;
  std::optional<std::string> network_path;
  double refresh_interval = 600;
  std::string separator = "\n";
};

OptionTable<CidrOptions> cidr_options() {
  OptionTable<CidrOptions> table;
  table.optional("address", &CidrOptions::address, "Addresses to look for; may hold %{references}.");
  table.optional("address_field", &CidrOptions::address_field, "A field that holds an address or a list of them.");
  table.optional("network", &CidrOptions::network, "Networks such as 10.0.0.0/8 or fe80::/64; may hold %{references}.");
  table.optional("network_path", &CidrOptions::network_path, "A file that holds the networks.").must_exist();
  table.optional("refresh_interval", &CidrOptions::refresh_interval, "Seconds between looks at the file.");
  table.optional("separator", &CidrOptions::separator, "What stands between the networks of the file.");
  return table;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks(" \t\r\n\v\f\0", 7);
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Calls `take` with each trimmed piece that is not empty.
template <class Take>
void for_each_piece(std::string_view text, std::string_view separator, Take&& take) {
  for (;;) {
    const std::size_t end = separator.empty() ? std::string_view::npos : text.find(separator);
    const std::string_view piece = trimmed(text.substr(0, end));
    if (!piece.empty()) take(piece);
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + separator.size());
  }
}

/// The networks of a file, read again when it changes. Shared by all workers; any thread.
class NetworkFile {
 public:
  NetworkFile(std::string path, std::string separator, std::chrono::nanoseconds interval, std::string log_name,
              std::chrono::steady_clock::time_point now)
      : path_(std::move(path)),
        separator_(std::move(separator)),
        interval_(interval),
        log_name_(std::move(log_name)),
        next_look_((now + interval).time_since_epoch().count()) {
    state_ = look_at_file();
    auto made = read();
    if (made) {
      current_ = std::move(*made);
    } else {
      problem_ = made.error().message;
    }
  }

  const std::string& problem() const { return problem_; }
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  std::shared_ptr<const NetworkSet> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  /// Reads the file again when the interval has passed and it has changed. One worker does it, the others go on.
  void refresh_when_due(std::chrono::steady_clock::time_point now) {
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t due = next_look_.load(std::memory_order_relaxed);
    if (at < due || !next_look_.compare_exchange_strong(due, at + interval_.count())) return;
    const std::unique_lock reading(reading_, std::try_to_lock);
    if (!reading.owns_lock()) return;
    const FileState state = look_at_file();
    if (state == state_) return;
    state_ = state;
    auto made = read();
    if (!made || (*made)->empty()) {
      log_warn(log_name_, "the networks stay as they were: {}", made ? path_ + " holds none" : made.error().message);
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      current_ = std::move(*made);
    }
    version_.fetch_add(1, std::memory_order_release);
  }

 private:
  struct FileState {
    std::int64_t modified_nanoseconds = -1;
    std::int64_t size = -1;
    bool operator==(const FileState&) const = default;
  };

  FileState look_at_file() const {
    struct stat info {};
    if (stat(path_.c_str(), &info) != 0) return {};
    return {static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec,
            static_cast<std::int64_t>(info.st_size)};
  }

  Result<std::shared_ptr<const NetworkSet>> read() const {
    std::ifstream file(path_, std::ios::binary);
    if (!file) return Error{ErrorCode::Io, fmt::format("cannot read {}", path_)};
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.bad()) return Error{ErrorCode::Io, fmt::format("cannot read {}", path_)};
    std::vector<IpNetwork> networks;
    std::size_t bad = 0;
    for_each_piece(text, separator_, [&](std::string_view piece) {
      if (const auto network = IpNetwork::parse(piece)) {
        networks.push_back(*network);
      } else {
        ++bad;
      }
    });
    if (bad > 0) log_warn(log_name_, "{}: {} entries are no networks and are left out", path_, bad);
    return std::shared_ptr<const NetworkSet>(std::make_shared<NetworkSet>(std::move(networks)));
  }

  std::string path_;
  std::string separator_;
  std::chrono::nanoseconds interval_;
  std::string log_name_;
  std::string problem_;
  std::atomic<std::int64_t> next_look_;  // steady clock, nanoseconds
  std::atomic<std::uint64_t> version_{0};
  std::mutex reading_;
  FileState state_;  // under reading_
  mutable std::mutex mutex_;
  std::shared_ptr<const NetworkSet> current_;  // under mutex_
};

class Cidr {
 public:
  Cidr(CidrOptions options, const PluginContext& context) : options_(std::move(options)), clock_(&context.clock()) {
    if (options_.address_field && !options_.address.empty())
      context.error("address_field", "address and address_field exclude each other", "leave one of them out");
    if (options_.network_path && !options_.network.empty())
      context.error("network_path", "network and network_path exclude each other", "leave one of them out");
    if (options_.network_path) {
      open_file(context);
    } else {
      read_networks(context);
    }
  }

  Verdict apply(Event& event) {
    if (file_) take_newer_networks();
    if (!options_.address_field) {
      for (const FieldTemplate& address : options_.address)
        if (is_inside(address.render(event), event)) return Verdict::Pass;
      return Verdict::Unmatched;
    }
    const Value* value = event.get(*options_.address_field);
    if (value == nullptr) return Verdict::Unmatched;
    if (value->is_string()) return is_inside(value->as_string(), event) ? Verdict::Pass : Verdict::Unmatched;
    if (!value->is_array()) return Verdict::Unmatched;
    for (const Value& item : value->as_array())
      if (item.is_string() && is_inside(item.as_string(), event)) return Verdict::Pass;
    return Verdict::Unmatched;
  }

 private:
  void open_file(const PluginContext& context) {
    if (options_.separator.empty())
      return context.error("separator", "separator: an empty text separates nothing", "write \",\" or leave it out");
    const double interval = std::min(std::max(options_.refresh_interval, 0.0), 1e9);
    file_ = context.shared<NetworkFile>([&] {
      return new NetworkFile(*options_.network_path, options_.separator,
                             std::chrono::nanoseconds(static_cast<std::int64_t>(interval * 1e9)), "cidr " + context.id(),
                             clock_->steady_now());
    });
    if (!file_->problem().empty()) return context.error("network_path", "network_path: " + file_->problem());
    version_ = file_->version();
    networks_ = file_->current();
  }

  void read_networks(const PluginContext& context) {
    std::vector<IpNetwork> fixed;
    for (FieldTemplate& pattern : options_.network) {
      if (!pattern.is_literal()) {
        made_networks_.push_back(std::move(pattern));
        continue;
      }
      for_each_piece(pattern.text(), ",", [&](std::string_view piece) {
        if (const auto network = IpNetwork::parse(piece)) {
          fixed.push_back(*network);
        } else {
          context.warning("network", fmt::format("network: \"{}\" is no network", piece), "it is left out");
        }
      });
    }
    networks_ = std::make_shared<NetworkSet>(std::move(fixed));
  }

  void take_newer_networks() {
    file_->refresh_when_due(clock_->steady_now());
    const std::uint64_t newest = file_->version();
    if (newest == version_) return;
    version_ = newest;
    networks_ = file_->current();
  }

  bool is_inside(std::string_view text, const Event& event) const {
    const auto address = IpNetwork::parse(text);
    if (!address) return false;
    if (networks_->contains(*address)) return true;
    bool is_found = false;
    for (const FieldTemplate& pattern : made_networks_) {
      for_each_piece(pattern.render(event), ",", [&](std::string_view piece) {
        if (is_found) return;
        const auto network = IpNetwork::parse(piece);
        is_found = network && network->contains(*address);
      });
      if (is_found) return true;
    }
    return false;
  }

  CidrOptions options_;
  const Clock* clock_;
  std::shared_ptr<const NetworkSet> networks_;
  std::vector<FieldTemplate> made_networks_;  // those with references
  std::shared_ptr<NetworkFile> file_;
  std::uint64_t version_ = 0;
};

const RegisterFilter registered({
    .name = "cidr",
    .summary = "Finds addresses that lie in one of some networks.",
    .make = make_filter<Cidr, cidr_options>,
    .details =
        R"(When any of the addresses lies in any of the networks, add_field, add_tag and so on are done; nothing else
happens. Addresses and networks that cannot be read are passed over. IPv4 addresses never lie in IPv6 networks, also
not in mapped form.

A network may be made from a field: its text may hold several, separated by commas (as the text of a list is).
`network_path` is read at start, and again when it has changed; a version without any network is logged and the
earlier ones stay.)",
});

}  // namespace
}  // namespace logboom
