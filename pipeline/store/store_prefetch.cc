#include "pipeline/store/store_prefetch.h"

#include <utility>

#include "pipeline/store/segment_format.h"

namespace logboom {

StorePrefetch::StorePrefetch(std::vector<std::string> directories, FileSystem& files) {
  if (directories.empty()) return;
  thread_ = std::thread([directories = std::move(directories), &files] {
    char page[segment_format::kHeaderPageBytes];
    for (const std::string& directory : directories) {
      const auto names = files.list(directory);
      if (!names) continue;
      for (const std::string& name : *names)
        if (const auto file = files.open(directory + "/" + name, OpenMode::Read))
          (void)(*file)->read_at(0, page, sizeof page);
    }
  });
}

StorePrefetch::~StorePrefetch() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace logboom
