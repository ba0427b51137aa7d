#include "pipeline/base/file_stamp.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace logboom {

TEST_CASE("a file's stamp changes when it is written or another one takes its place, and not otherwise", "[file_stamp]") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  CHECK(file_stamp(path).empty());
  std::ofstream(path) << "one";
  const std::string first = file_stamp(path);
  CHECK_FALSE(first.empty());
  CHECK(file_stamp(path) == first);
  std::ofstream(path, std::ios::app) << "more";
  const std::string written = file_stamp(path);
  CHECK(written != first);
  std::ofstream(directory.path() + "/other") << "onemore";  // as long as the first one
  REQUIRE(std::rename((directory.path() + "/other").c_str(), path.c_str()) == 0);
  CHECK(file_stamp(path) != written);
}

}  // namespace logboom
