#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "plugins/filters/geoip/database.h"
#include "tests/support/mmdb_writer.h"
#include "tests/support/run_filter.h"

namespace logboom {
namespace {

using Catch::Matchers::Contains;
using V = MmdbValue;

/// A directory of its own, gone at the end.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "geoip_test.XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    return path;
  }
  /// As a careful updater does it: a new file takes the name.
  void replace(const std::string& name, const std::string& bytes) const {
    std::filesystem::rename(write(name + ".new", bytes), path_ + "/" + name);
  }

 private:
  std::string path_;
};

V city_record(std::string_view city) {
  return V::map({{"city", V::map({{"names", V::map({{"de", V::text("anders")}, {"en", V::text(city)}})}})},
                 {"continent", V::map({{"code", V::text("NA")}, {"names", V::map({{"en", V::text("North America")}})}})},
                 {"country", V::map({{"iso_code", V::text("US")}, {"names", V::map({{"en", V::text("United States")}})}})},
                 {"location", V::map({{"latitude", V::real(47.6062)},
                                      {"longitude", V::real(-122.3321)},
                                      {"metro_code", V::uint16(819)},
                                      {"time_zone", V::text("America/Los_Angeles")}})},
                 {"postal", V::map({{"code", V::text("98106")}})},
                 {"subdivisions",
                  V::array({V::map({{"iso_code", V::text("XX")}, {"names", V::map({{"en", V::text("Outer")}})}}),
                            V::map({{"iso_code", V::text("WA")}, {"names", V::map({{"en", V::text("Washington")}})}})})}});
}

std::string city_bytes(std::string_view city = "Seattle") {
  MmdbWriter writer("GeoLite2-City");
  writer.add("1.2.3.0", 24, city_record(city));
  writer.add("2001:db8::", 32, city_record(city));
  writer.add("5.5.5.5", 32, V::map({{"country", V::map({{"iso_code", V::text("DE")}})}}));  // no place
  return writer.to_bytes();
}

std::string asn_bytes() {
  MmdbWriter writer("GeoLite2-ASN");
  writer.add(
      "1.2.0.0", 16,
      V::map({{"autonomous_system_number", V::uint32(64500)}, {"autonomous_system_organization", V::text("Example Net")}}));
  return writer.to_bytes();
}

std::string geoip(const std::string& database, const std::string& options) {
  return fmt::format("geoip {{ database => \"{}\" {} }}", database, options);
}

constexpr RunFilterOptions kLegacy{.ecs = EcsMode::Disabled};

TEST_CASE("geoip tells what a City database knows, below geoip without ECS", "[filter][geoip]") {
  const Folder folder;
  const std::string city = folder.write("city.mmdb", city_bytes());
  CHECK(run_filter(geoip(city, R"(source => "ip" remove_field => ["ip"])"), R"({"ip":"1.2.3.4"})", kLegacy) ==
        R"({"geoip":{"city_name":"Seattle","country_name":"United States","continent_code":"NA","country_code2":"US",)"
        R"("country_code3":"US",)"
        R"("ip":"1.2.3.4","postal_code":"98106","dma_code":819,"region_name":"Washington","region_code":"WA",)"
        R"("timezone":"America/Los_Angeles","location":{"lat":47.6062,"lon":-122.3321},)"
        R"("latitude":47.6062,"longitude":-122.3321}})");
}

TEST_CASE("geoip arranges what it tells by ECS, below the parent of the source", "[filter][geoip]") {
  const Folder folder;
  const std::string city = folder.write("city.mmdb", city_bytes());
  CHECK(run_filter(geoip(city, R"(source => "[client][ip]")"), R"({"client":{"ip":"1.2.3.4"}})") ==
        R"({"client":{"ip":"1.2.3.4","geo":{"city_name":"Seattle","country_name":"United States","continent_code":"NA",)"
        R"("country_iso_code":"US","postal_code":"98106","region_name":"Washington","region_iso_code":"US-WA",)"
        R"("timezone":"America/Los_Angeles","location":{"lat":47.6062,"lon":-122.3321}},"mmdb":{"dma_code":819}}})");
}

TEST_CASE("geoip tells what ASN and Country databases know", "[filter][geoip]") {
  const Folder folder;
  const std::string asn = folder.write("asn.mmdb", asn_bytes());
  CHECK(run_filter(
            geoip(asn, R"(source => "a" target => "t" fields => ["asn", "AUTONOMOUS_SYSTEM_ORGANIZATION", "network"])"),
            R"({"a":"1.2.3.4"})") == R"({"a":"1.2.3.4","t":{"as":{"number":64500,"organization":{"name":"Example Net"}},)"
                                     R"("ip_traits":{"network":"1.2.0.0/16"}}})");
  CHECK(run_filter(geoip(asn, R"(source => "a" target => "t")"), R"({"a":"1.2.3.4"})", kLegacy) ==
        R"({"a":"1.2.3.4","t":{"asn":64500,"as_org":"Example Net","ip":"1.2.3.4"}})");

  MmdbWriter country("GeoLite2-Country");
  country.add("1.0.0.0", 8,
              V::map({{"continent", V::map({{"names", V::map({{"en", V::text("Europe")}})}})},
                      {"country", V::map({{"iso_code", V::text("DE")}, {"names", V::map({{"en", V::text("Germany")}})}})}}));
  const std::string path = folder.write("country.mmdb", country.to_bytes());
  CHECK(run_filter(geoip(path, R"(source => "a" target => "t")"), R"({"a":"1.2.3.4"})", kLegacy) ==
        R"({"a":"1.2.3.4","t":{"country_name":"Germany","continent_name":"Europe","country_code2":"DE","ip":"1.2.3.4"}})");
}

TEST_CASE("geoip reads IPv6, IPv4 inside IPv6, and the first element of a list", "[filter][geoip]") {
  const Folder folder;
  const std::string filter =
      geoip(folder.write("city.mmdb", city_bytes()), R"(source => "a" target => "t" fields => ["ip", "city_name"])");
  CHECK(run_filter(filter, R"({"a":"2001:db8::7"})", kLegacy) ==
        R"({"a":"2001:db8::7","t":{"city_name":"Seattle","ip":"2001:db8:0:0:0:0:0:7"}})");
  CHECK(run_filter(filter, R"({"a":"::ffff:1.2.3.4"})", kLegacy) ==
        R"({"a":"::ffff:1.2.3.4","t":{"city_name":"Seattle","ip":"1.2.3.4"}})");
  CHECK(run_filter(filter, R"({"a":["1.2.3.4","9.9.9.9"]})", kLegacy) ==
        R"({"a":["1.2.3.4","9.9.9.9"],"t":{"city_name":"Seattle","ip":"1.2.3.4"}})");
}

TEST_CASE("geoip tags addresses that are unknown, private or none, and leaves an empty target", "[filter][geoip]") {
  const Folder folder;
  const std::string filter = geoip(folder.write("city.mmdb", city_bytes()), R"(source => "a" add_tag => ["found"])");
  const std::string address = GENERATE("9.9.9.9", "192.168.1.1", "127.0.0.1", "::1", "-", "1.2.3.4,5.6.7.8", "1.2.3.4 ",
                                       "host.example", "1.2.3.4\\u0000", "5.5.5.5");
  CHECK(run_filter(filter, fmt::format(R"({{"a":"{}"}})", address), kLegacy) ==
        fmt::format(R"({{"a":"{}","geoip":{{}},"tags":["_geoip_lookup_failure"]}})", address));
}

TEST_CASE("geoip tags events without an address and leaves no target", "[filter][geoip]") {
  const Folder folder;
  const std::string filter = geoip(folder.write("city.mmdb", city_bytes()), R"(source => "a" tag_on_failure => ["lost"])");
  CHECK(run_filter(filter, R"({"b":1})", kLegacy) == R"({"b":1,"tags":["lost"]})");
  CHECK(run_filter(filter, R"({"a":"  "})", kLegacy) == R"({"a":"  ","tags":["lost"]})");
  CHECK(run_filter(filter, R"({"a":[]})", kLegacy) == R"({"a":[],"tags":["lost"]})");
  CHECK(run_filter(filter, R"({"a":7})", kLegacy) == R"({"a":7,"tags":["lost"]})");
}

TEST_CASE("geoip adds to an object that is there and does not touch anything else", "[filter][geoip]") {
  const Folder folder;
  const std::string filter =
      geoip(folder.write("city.mmdb", city_bytes()), R"(source => "a" target => "t" fields => ["city_name"])");
  CHECK(run_filter(filter, R"({"a":"1.2.3.4","t":{"x":1}})", kLegacy) ==
        R"({"a":"1.2.3.4","t":{"x":1,"city_name":"Seattle"}})");
  CHECK(run_filter(filter, R"({"a":"1.2.3.4","t":"text"})", kLegacy) ==
        R"({"a":"1.2.3.4","t":"text","tags":["_geoip_lookup_failure"]})");
  CHECK(run_filter(filter, R"({"a":"1.2.3.4","t":{"geo":"text"}})") ==
        R"({"a":"1.2.3.4","t":{"geo":"text"},"tags":["_geoip_lookup_failure"]})");
}

TEST_CASE("geoip answers the same for addresses that share a place in a small cache", "[filter][geoip]") {
  const Folder folder;
  const std::string filter =
      geoip(folder.write("city.mmdb", city_bytes()), R"(source => "a" target => "t" fields => ["ip"] cache_size => 1)");
  CHECK(run_filter(filter, "{\"a\":\"1.2.3.4\"}\n{\"a\":\"9.9.9.9\"}\n{\"a\":\"1.2.3.5\"}\n{\"a\":\"1.2.3.4\"}", kLegacy) ==
        "{\"a\":\"1.2.3.4\",\"t\":{\"ip\":\"1.2.3.4\"}}\n{\"a\":\"9.9.9.9\",\"t\":{},\"tags\":[\"_geoip_lookup_failure\"]}\n"
        "{\"a\":\"1.2.3.5\",\"t\":{\"ip\":\"1.2.3.5\"}}\n{\"a\":\"1.2.3.4\",\"t\":{\"ip\":\"1.2.3.4\"}}");
}

TEST_CASE("geoip refuses what it cannot work with and says what to do", "[filter][geoip]") {
  const Folder folder;
  const auto check = [](const std::string& text, EcsMode ecs = EcsMode::V1) {
    return check_config("filter { " + text + " }", {.ecs = ecs});
  };
  const std::string city = folder.write("city.mmdb", city_bytes());
  CHECK_THAT(check(R"(geoip { source => "[client][ip]" })"),
             Contains("needs a database") && Contains("https://www.maxmind.com"));
  CHECK_THAT(check(geoip(city, R"(source => "host_ip")")), Contains("needs a target"));
  CHECK_THAT(check(geoip(city, R"(source => "[ip]")")), Contains("needs a target"));
  CHECK_THAT(check(geoip(city, R"(target => "t")")), Contains("needs the option \"source\""));
  CHECK_THAT(check(geoip(city, R"(source => "a" target => "t" fields => ["city_nam"])")),
             Contains("did you mean \"city_name\"?"));
  CHECK_THAT(check(geoip(city, R"(source => "a" target => "t" default_database_type => "Country")")),
             Contains("is not one of City, ASN"));
  CHECK_THAT(check(geoip(city + ".nope", R"(source => "a" target => "t")")), Contains("does not exist"));
  CHECK_THAT(check(geoip(folder.write("broken", "no database"), R"(source => "a" target => "t")")),
             Contains("is no GeoIP database"));
  CHECK_THAT(check(geoip(folder.write("other", MmdbWriter("Weather").to_bytes()), R"(source => "a" target => "t")")),
             Contains("is a \"Weather\" database"));
  CHECK(check(geoip(city, R"(source => "a")"), EcsMode::Disabled).empty());
}

std::string city_of(const GeoDatabase& database, const char* address) {
  const auto record = database.find(*GeoAddress::parse(address));
  if (!record) return "";
  MMDB_entry_s entry = record->entry;
  MMDB_entry_data_s data{};
  if (MMDB_get_value(&entry, &data, "city", "names", "en", nullptr) != MMDB_SUCCESS || !data.has_data) return "";
  return {data.utf8_string, data.data_size};
}

TEST_CASE("a database file that is replaced is taken at the next check, and its old readers keep theirs",
          "[filter][geoip]") {
  const Folder folder;
  const std::string path = folder.write("city.mmdb", city_bytes("Old Town"));
  const auto file = *GeoDatabaseFile::open(path);
  CHECK(*GeoDatabaseFile::open(path) == file);  // one per process
  const auto old = file->current();
  const auto generation = file->generation();
  file->check(100);
  CHECK(file->current() == old);

  folder.replace("city.mmdb", city_bytes("New Town, which is longer"));
  file->check(100 + GeoDatabaseFile::kSecondsBetweenChecks - 1);
  CHECK(file->current() == old);
  file->check(100 + GeoDatabaseFile::kSecondsBetweenChecks);
  CHECK(file->generation() != generation);
  CHECK(city_of(*file->current(), "1.2.3.4") == "New Town, which is longer");
  CHECK(city_of(*old, "1.2.3.4") == "Old Town");
}

TEST_CASE("a database file that is cut, broken, removed or of another type leaves the old version in use",
          "[filter][geoip]") {
  const Folder folder;
  const std::string path = folder.write("city.mmdb", city_bytes("Old Town"));
  const auto file = *GeoDatabaseFile::open(path);
  const auto old = file->current();
  std::int64_t now = 100;
  const auto later = [&] { return now += GeoDatabaseFile::kSecondsBetweenChecks; };
  file->check(later());

  folder.write("city.mmdb", "");  // in place: the very file that was opened
  CHECK(city_of(*old, "1.2.3.4") == "Old Town");
  file->check(later());
  CHECK(file->current() == old);
  folder.replace("city.mmdb", city_bytes("x").substr(0, 400));
  file->check(later());
  CHECK(file->current() == old);
  folder.replace("city.mmdb", asn_bytes());
  file->check(later());
  CHECK(file->current() == old);
  CHECK((*GeoDatabaseFile::open(path))->current()->type() == "GeoLite2-ASN");  // for a new configuration
  std::filesystem::remove(path);
  file->check(later());
  CHECK(file->current() == old);
  folder.replace("city.mmdb", city_bytes("New Town"));
  file->check(later());
  CHECK(city_of(*file->current(), "1.2.3.4") == "New Town");
}

TEST_CASE("a damaged database gives wrong answers at worst", "[filter][geoip]") {
  const Folder folder;
  const std::string sound = city_bytes();
  const std::size_t metadata = sound.find("\xab\xcd\xefMaxMind.com");
  std::size_t answered = 0;
  for (std::size_t at = 0; at < metadata; at += 7) {
    std::string damaged = sound;
    damaged[at] = static_cast<char>(~damaged[at]);
    const std::string path = folder.write("damaged.mmdb", damaged);
    const std::string out = run_filter(geoip(path, R"(source => "a")"),
                                       "{\"a\":\"1.2.3.4\"}\n{\"a\":\"2001:db8::1\"}\n{\"a\":\"5.5.5.5\"}", kLegacy);
    CHECK(std::count(out.begin(), out.end(), '\n') == 2);
    answered += out.find("Seattle") != std::string::npos;
  }
  CHECK(answered > 0);
}

TEST_CASE("geoip reads the real GeoLite2 databases", "[filter][geoip]") {
  const char* directory = std::getenv("LOGBOOM_GEOIP_DIR");
  if (directory == nullptr) {
    WARN("skipped: LOGBOOM_GEOIP_DIR names no directory of GeoLite2 databases (see tests/support/install-geoip.sh)");
    return;
  }
  const std::string city = fmt::format("{}/GeoLite2-City.mmdb", directory);
  CHECK_THAT(
      run_filter(geoip(city, R"(source => "[client][ip]")"), R"({"client":{"ip":"8.8.8.8"}})"),
      Contains(R"("country_iso_code":"US")") && Contains(R"("location":{"lat":)") && !Contains("_geoip_lookup_failure"));
  const std::string country = fmt::format("{}/GeoLite2-Country.mmdb", directory);
  CHECK_THAT(run_filter(geoip(country, R"(source => "a")"), R"({"a":"2a00:1450:4001:81b::200e"})", kLegacy),
             Contains(R"("continent_name":"Europe")") && !Contains("_geoip_lookup_failure"));
  CHECK_THAT(run_filter(geoip(country, R"(source => "a")"), R"({"a":"10.1.2.3"})", kLegacy),
             Contains("_geoip_lookup_failure"));
}

}  // namespace
}  // namespace logboom
