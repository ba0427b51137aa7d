#include "pipeline/base/allocator.h"

#include <malloc.h>

namespace logboom {

void keep_freed_memory() {
  constexpr int kKept = 64 * 1024 * 1024;
  constexpr int kLargestOfHeap = 4 * 1024 * 1024;  // larger blocks go back to the kernel at once
  constexpr int kStep = 1024 * 1024;
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_MMAP_THRESHOLD, kLargestOfHeap);
  mallopt(M_TOP_PAD, kStep);
}

}  // namespace logboom
