// What the geoip filter can tell about an address: names of fields, where each is in a database and in an event.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/event/value.h"
#include "plugins/filters/geoip/database.h"

namespace logboom {

/// Logstash's names, in its order.
enum class GeoField : std::uint8_t {
  AutonomousSystemNumber,
  AutonomousSystemOrganization,
  CityName,
  CountryName,
  ContinentCode,
  ContinentName,
  CountryCode2,
  CountryCode3,
  Domain,
  Ip,
  Isp,
  PostalCode,
  DmaCode,
  RegionName,
  RegionCode,
  RegionIsoCode,
  Timezone,
  Location,
  Latitude,
  Longitude,
  Organization,
  Network,
  HostingProvider,
  TorExitNode,
  AnonymousVpn,
  Anonymous,
  PublicProxy,
  ResidentialProxy,
};
constexpr std::size_t kGeoFieldCount = 28;

/// The field that the `fields` option means by a name, in any case: "city_name", "AUTONOMOUS_SYSTEM_NUMBER", "asn".
std::optional<GeoField> geo_field_of(std::string_view name);
/// Names for messages: those of the fields without ECS.
std::vector<std::string_view> geo_field_names();

/// Names from the target down to the field; empty where the mode has no such field.
std::vector<Key> geo_field_path(GeoField field, bool is_ecs);

/// Kinds of databases, by what their metadata call themselves. Unknown: nothing is known about their contents.
enum class GeoDatabaseKind { City, Country, Domain, Asn, Isp, Enterprise, AnonymousIp, Unknown };
GeoDatabaseKind geo_database_kind(std::string_view type);

/// The fields that an event gets when the configuration names none.
std::vector<GeoField> default_geo_fields(GeoDatabaseKind kind, bool is_ecs);

/// What is known about one address. Texts lie in the database or in `owned`; the object therefore stays where it is.
struct GeoFacts {
  struct Fact {
    std::uint8_t index;  // into the fields that were asked for
    Value value;         // Location has none: it is made of the next two
  };
  std::vector<Fact> facts;
  double latitude = 0;
  double longitude = 0;
  std::array<std::string, 3> owned;  // ip, network, region with its country

  /// Reads these fields; true when there is anything to tell.
  bool read(const GeoDatabase& database, GeoDatabaseKind kind, const GeoAddress& address, std::span<const GeoField> fields);
};

}  // namespace logboom
