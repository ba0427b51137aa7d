#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/support/run_filter.h"

using Catch::Contains;

namespace logboom {
namespace {

bool is_inside(const std::string& networks, const std::string& address) {
  const std::string out = run_filter("cidr { address => \"%{ip}\" network => [" + networks + "] add_tag => [\"in\"] }",
                                     "{\"ip\":\"" + address + "\"}");
  return out.find("\"tags\":[\"in\"]") != std::string::npos;
}

TEST_CASE("cidr finds addresses of both families in networks", "[filter][cidr]") {
  const std::string networks =
      R"("10.0.0.0/8", "172.16.0.0/12", "172.16.5.0/24", "192.168.1.7", "fe80::/64", "2001:db8::/32")";
  for (const char* address : {"10.255.255.255", "172.16.5.1", "172.31.0.0", "192.168.1.7", "fe80::1", "[2001:db8::5]",
                              "fe80::1%eth0", "10.1.0.0/16"})
    CHECK(is_inside(networks, address));
  for (const char* address :
       {"11.0.0.0", "172.32.0.0", "192.168.1.8", "fe80:0:0:1::", "::ffff:10.0.0.1", "9.255.255.255", "10.0.0.0/7"})
    CHECK_FALSE(is_inside(networks, address));
}

TEST_CASE("cidr passes over what is no address or network", "[filter][cidr]") {
  for (const char* address :
       {"", "nothing", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/33", "10.0.0.1/", "1:2", "10.0.0.1%eth0"})
    CHECK_FALSE(is_inside(R"("0.0.0.0/0", "::/0")", address));
  CHECK(is_inside(R"("garbage", "10.0.0.0/255.0.0.0")", "10.2.3.4"));
  CHECK_FALSE(is_inside(R"("10.0.0.0/255.0.255.0")", "10.2.3.4"));
  CHECK(is_inside(R"("0.0.0.0/0")", "255.255.255.255"));
  CHECK(is_inside(R"("::/0")", "ffff::"));
}

TEST_CASE("cidr takes addresses and networks from fields", "[filter][cidr]") {
  const std::string filter = R"(cidr { address_field => "ip" network => [ "%{nets}" ] add_tag => ["in"] })";
  CHECK_THAT(run_filter(filter, R"({"ip":["8.8.8.8",5,"10.0.0.1"],"nets":["1.0.0.0/8","10.0.0.0/8"]})"), Contains("tags"));
  CHECK_THAT(run_filter(filter, R"({"ip":377,"nets":"0.0.0.0/0"})"), !Contains("tags"));
  CHECK_THAT(run_filter(filter, R"({"nets":"0.0.0.0/0"})"), !Contains("tags"));
}

TEST_CASE("cidr reads networks from a file", "[filter][cidr]") {
  const std::string path = "cidr_test_" + std::to_string(getpid()) + ".txt";
  std::ofstream(path) << "192.168.0.0/16,10.1.1.0/24\n";
  const std::string filter =
      "cidr { address => \"%{ip}\" network_path => \"" + path + "\" separator => \",\" add_tag => [\"in\"] }";
  CHECK_THAT(run_filter(filter, R"({"ip":"10.1.1.9"})"), Contains("tags"));
  CHECK_THAT(run_filter(filter, R"({"ip":"10.1.2.9"})"), !Contains("tags"));
  std::remove(path.c_str());
}

TEST_CASE("cidr refuses options that exclude each other and a missing file", "[filter][cidr]") {
  const auto errors =
      check_config(R"(filter { cidr { address => "a" address_field => "b" } cidr { network_path => "/no/such/file" } })");
  CHECK_THAT(errors, Contains("address and address_field exclude each other") && Contains("does not exist"));
}

}  // namespace
}  // namespace logboom
