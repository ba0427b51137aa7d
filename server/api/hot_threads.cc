#include "server/api/hot_threads.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <map>
#include <thread>

#include "server/api/node_documents.h"
#include "server/api/process_facts.h"

namespace logboom {
namespace {

constexpr auto kObserved = std::chrono::milliseconds(500);
constexpr std::size_t kMostThreads = 1000;

struct BusyThread {
  ThreadFacts facts;
  double percent = 0;  // of one core
};

std::string_view state_text(char state) {
  switch (state) {
    case 'R': return "runnable";
    case 'S': return "waiting";
    case 'D': return "disk_wait";
    case 'T':
    case 't': return "stopped";
    default: return "other";
  }
}

std::vector<BusyThread> busiest(std::size_t most, bool ignores_idle) {
  std::map<int, std::uint64_t> before;
  for (const ThreadFacts& thread : read_threads()) before[thread.id] = thread.cpu_ticks;
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(kObserved);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::vector<BusyThread> threads;
  for (ThreadFacts& thread : read_threads()) {
    const auto known = before.find(thread.id);
    const std::uint64_t ticks = known != before.end() ? thread.cpu_ticks - known->second : thread.cpu_ticks;
    const double percent = static_cast<double>(ticks) / ticks_per_second() / seconds * 100;
    if (ignores_idle && ticks == 0 && thread.state != 'R') continue;
    threads.push_back({std::move(thread), percent});
  }
  std::stable_sort(threads.begin(), threads.end(),
                   [](const BusyThread& left, const BusyThread& right) { return left.percent > right.percent; });
  if (threads.size() > most) threads.resize(most);
  return threads;
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+00:00", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

HttpResponse get_hot_threads(ApiContext& context, const ApiCall& call) {
  std::size_t most = 10;
  const std::string wanted = call.query("threads");
  if (!wanted.empty()) {
    const auto [end, problem] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), most);
    if (problem != std::errc() || end != wanted.data() + wanted.size())
      return error_answer("/_node/hot_threads", 400, fmt::format("threads wants a number, not \"{}\"", wanted));
    most = std::min(most, kMostThreads);
  }
  const std::string idle = call.query("ignore_idle_threads");
  const auto threads = busiest(most, idle != "false");
  if (call.flag("human")) {
    std::string text =
        fmt::format("::: {{{}}}\nHot threads at {}, busiestThreads={}:\n", context.node.name, now_text(), most);
    for (const BusyThread& thread : threads)
      text += fmt::format("  {:6.2f} % of a core, state: {}, thread name: '{}', thread id: {}{}\n", thread.percent,
                          state_text(thread.facts.state), thread.facts.name, thread.facts.id,
                          thread.facts.waits_in.empty() ? "" : ", waits in: " + thread.facts.waits_in);
    HttpResponse response(200, std::move(text));
    response.headers.emplace_back("content-type", "text/plain; charset=utf-8");
    return response;
  }
  OrderedJson list = OrderedJson::array();
  for (const BusyThread& thread : threads) {
    OrderedJson one = {{"name", thread.facts.name},
                       {"thread_id", thread.facts.id},
                       {"percent_of_cpu_time", std::round(thread.percent * 100) / 100},
                       {"state", std::string(state_text(thread.facts.state))}};
    one["traces"] = OrderedJson::array();
    if (!thread.facts.waits_in.empty()) one["traces"].push_back(thread.facts.waits_in);
    list.push_back(std::move(one));
  }
  OrderedJson document = node_head(context);
  document["hot_threads"] = {{"time", now_text()}, {"busiest_threads", most}, {"threads", std::move(list)}};
  return json_answer(call, document);
}

}  // namespace

std::vector<Route> thread_routes() {
  return {
      {"GET", "/_node/hot_threads", Role::Viewer, "The busiest threads of half a second; ?human=true for people.",
       get_hot_threads},
  };
}

}  // namespace logboom
