#include "pipeline/store/store_prefetch.h"

#include <catch2/catch.hpp>
#include <set>

#include "pipeline/store/segment_store.h"
#include "tests/support/memory_files.h"

namespace logboom {

TEST_CASE("a prefetch reads the beginning of every file of a store, changes nothing and minds no missing directory",
          "[store]") {
  MemoryFiles files;
  StoreOptions options;
  options.directory = "/queue";
  options.files = &files;
  options.segment_bytes = 64 * 1024;
  options.has_thread = false;
  {
    auto store = SegmentStore::open(options);
    REQUIRE(store);
    for (int i = 0; i < 20; ++i) {
      (*store)->append(std::string(10'000, 'x'), 1, 0, nullptr);
      REQUIRE((*store)->commit());
    }
    (*store)->close(std::chrono::milliseconds(0));
  }
  const auto names = files.list("/queue");
  REQUIRE(names);
  REQUIRE(names->size() > 4);
  std::set<std::string> read;
  bool has_changed = false;
  files.set_fault([&](MemoryFiles::Operation operation, const std::string& path) -> std::optional<Error> {
    if (operation == MemoryFiles::Operation::Read) read.insert(path);
    has_changed |= operation != MemoryFiles::Operation::Read && operation != MemoryFiles::Operation::Open;
    return std::nullopt;
  });
  { const StorePrefetch prefetch({"/none", "/queue"}, files); }
  std::set<std::string> wanted;
  for (const std::string& name : *names) wanted.insert("/queue/" + name);
  CHECK(read == wanted);
  CHECK_FALSE(has_changed);
}

}  // namespace logboom
