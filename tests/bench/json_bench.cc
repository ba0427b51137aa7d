// Speed of JSON in and out on documents made from a seed. The answer is held against nlohmann's before it is timed.
#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/event/json.h"

namespace logboom {
namespace {

constexpr std::size_t kDocuments = 1000;

enum class Shape { Flat, Nested, Escaped, BigNumbers };

std::string document(Shape shape, std::mt19937& random) {
  const auto number = [&](std::uint32_t below) { return std::to_string(random() % below); };
  const std::string start = R"({"@timestamp":"2015-10-01T13:14:15.)" + std::to_string(100 + random() % 900) +
                            R"(Z","level":"info","status":)" + std::to_string(200 + random() % 300) + R"(,"bytes":)" +
                            number(300'000) + R"(,"took":)" + number(1000) + "." + std::to_string(1 + random() % 9) +
                            R"(,"host":"web-)" + number(100) + R"(",)";
  switch (shape) {
    case Shape::Flat:
      return start + R"("message":"GET /presentations/images/)" + number(1'000'000) + R"(.png HTTP/1.1","ok":true})";
    case Shape::Nested:
      return start + R"("http":{"request":{"method":"GET","headers":{"accept":"*/*","host":"example.org"}},"tries":[1,2,)" +
             number(9) + R"(]},"user":{"id":)" + number(1'000'000) + R"(,"groups":["a","b","c"]}})";
    case Shape::Escaped: return start + R"("message":"line one\nline \"two\"\t\u00e9\\ )" + number(1'000'000) + R"("})";
    case Shape::BigNumbers: return start + R"("id":18446744073709551)" + std::to_string(616 + random() % 300) + "}";
  }
  return "{}";
}

std::vector<Buffer> documents(Shape shape) {
  std::mt19937 random(20151001);
  std::vector<Buffer> made;
  for (std::size_t i = 0; i < kDocuments; ++i) made.push_back(Buffer::copy_of(document(shape, random)));
  return made;
}

std::size_t total_bytes(const std::vector<Buffer>& texts) {
  std::size_t bytes = 0;
  for (const Buffer& text : texts) bytes += text.size();
  return bytes;
}

bool is_read_right(const Buffer& text, const Value& value) {
  std::string printed;
  write_json(value, printed);
  return nlohmann::json::parse(printed) == nlohmann::json::parse(text.view());
}

void read_json_documents(benchmark::State& state, Shape shape) {
  const auto texts = documents(shape);
  JsonReader reader;
  for (const Buffer& text : texts) {
    Arena arena;
    const auto value = reader.parse(text.view(), arena);
    if (!value || !is_read_right(text, *value)) return state.SkipWithError("wrong answer");
  }
  for (auto _ : state) {
    Arena arena;
    for (const Buffer& text : texts) benchmark::DoNotOptimize(reader.parse(text.view(), arena));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kDocuments));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * total_bytes(texts)));
}
BENCHMARK_CAPTURE(read_json_documents, flat, Shape::Flat);
BENCHMARK_CAPTURE(read_json_documents, nested, Shape::Nested);
BENCHMARK_CAPTURE(read_json_documents, escaped, Shape::Escaped);
BENCHMARK_CAPTURE(read_json_documents, big_numbers, Shape::BigNumbers);

void write_json_documents(benchmark::State& state, Shape shape) {
  const auto texts = documents(shape);
  Arena arena;
  JsonReader reader;
  std::vector<Value> values;
  std::string out;
  for (const Buffer& text : texts) {
    const auto value = reader.parse(text.view(), arena);
    if (!value || !is_read_right(text, *value)) return state.SkipWithError("wrong answer");
    values.push_back(*value);
  }
  for (auto _ : state) {
    out.clear();
    for (const Value& value : values) write_json(value, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kDocuments));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * out.size()));
}
BENCHMARK_CAPTURE(write_json_documents, flat, Shape::Flat);
BENCHMARK_CAPTURE(write_json_documents, nested, Shape::Nested);
BENCHMARK_CAPTURE(write_json_documents, escaped, Shape::Escaped);
BENCHMARK_CAPTURE(write_json_documents, big_numbers, Shape::BigNumbers);

}  // namespace
}  // namespace logboom
