#include "plugins/filters/geoip/fields.h"

#include <algorithm>
#include <cmath>

#include "pipeline/base/utf8.h"

namespace logboom {
namespace {

struct FieldNames {
  std::string_view option;  // in the `fields` option, lower case
  std::string_view legacy;
  std::array<std::string_view, 3> ecs;
};

constexpr std::array<FieldNames, kGeoFieldCount> kFields = {{
    {"autonomous_system_number", "asn", {"as", "number"}},
    {"autonomous_system_organization", "as_org", {"as", "organization", "name"}},
    {"city_name", "city_name", {"geo", "city_name"}},
    {"country_name", "country_name", {"geo", "country_name"}},
    {"continent_code", "continent_code", {"geo", "continent_code"}},
    {"continent_name", "continent_name", {"geo", "continent_name"}},
    {"country_code2", "country_code2", {"geo", "country_iso_code"}},
    {"country_code3", "country_code3", {}},
    {"domain", "domain", {"domain"}},
    {"ip", "ip", {"ip"}},
    {"isp", "isp", {"mmdb", "isp"}},
    {"postal_code", "postal_code", {"geo", "postal_code"}},
    {"dma_code", "dma_code", {"mmdb", "dma_code"}},
    {"region_name", "region_name", {"geo", "region_name"}},
    {"region_code", "region_code", {"geo", "region_code"}},
    {"region_iso_code", "region_iso_code", {"geo", "region_iso_code"}},
    {"timezone", "timezone", {"geo", "timezone"}},
    {"location", "location", {"geo", "location"}},
    {"latitude", "latitude", {"geo", "location", "lat"}},
    {"longitude", "longitude", {"geo", "location", "lon"}},
    {"organization", "organization", {"mmdb", "organization"}},
    {"network", "network", {"ip_traits", "network"}},
    {"hosting_provider", "hosting_provider", {"ip_traits", "hosting_provider"}},
    {"tor_exit_node", "tor_exit_node", {"ip_traits", "tor_exit_node"}},
    {"anonymous_vpn", "anonymous_vpn", {"ip_traits", "anonymous_vpn"}},
    {"anonymous", "anonymous", {"ip_traits", "anonymous"}},
    {"public_proxy", "public_proxy", {"ip_traits", "public_proxy"}},
    {"residential_proxy", "residential_proxy", {"ip_traits", "residential_proxy"}},
}};

const FieldNames& names_of(GeoField field) { return kFields[static_cast<std::size_t>(field)]; }

/// One record of a database; each function goes down a path of names.
class RecordReader {
 public:
  RecordReader(const GeoDatabase::Record& record, bool has_traits) : entry_(record.entry), has_traits_(has_traits) {}

  template <class... Names>
  Value at(Names... names) {
    const char* const path[] = {names..., nullptr};
    MMDB_entry_data_s data{};
    if (MMDB_aget_value(&entry_, &data, path) != MMDB_SUCCESS || !data.has_data) return {};
    switch (data.type) {
      case MMDB_DATA_TYPE_UTF8_STRING: {
        const std::string_view text(data.utf8_string, data.data_size);
        return is_valid_utf8(text) ? Value::string(text) : Value();
      }
      case MMDB_DATA_TYPE_DOUBLE: return std::isfinite(data.double_value) ? Value::real(data.double_value) : Value();
      case MMDB_DATA_TYPE_FLOAT: return std::isfinite(data.float_value) ? Value::real(data.float_value) : Value();
      case MMDB_DATA_TYPE_UINT16: return Value::integer(data.uint16);
      case MMDB_DATA_TYPE_UINT32: return Value::integer(data.uint32);
      case MMDB_DATA_TYPE_INT32: return Value::integer(data.int32);
      case MMDB_DATA_TYPE_BOOLEAN: return Value::boolean(data.boolean);
      default: return {};
    }
  }
  Value name_at(const char* what) { return at(what, "names", "en"); }
  /// The most specific of a country's divisions is the last.
  Value region(const char* name) { return at("subdivisions", "-1", name); }
  Value region_name() { return at("subdivisions", "-1", "names", "en"); }
  /// What Enterprise databases keep one level deeper.
  Value trait(const char* name) { return has_traits_ ? at("traits", name) : at(name); }
  Value flag(const char* name) {
    const Value found = trait(name);
    return found.is_boolean() ? found : Value::boolean(false);
  }

 private:
  MMDB_entry_s entry_;
  bool has_traits_;
};

Value keep(std::string& owner, std::string text) {
  owner = std::move(text);
  return Value::string(owner);
}

}  // namespace

std::optional<GeoField> geo_field_of(std::string_view name) {
  std::string lower(name);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (std::size_t i = 0; i < kFields.size(); ++i)
    if (kFields[i].option == lower || kFields[i].legacy == lower) return static_cast<GeoField>(i);
  return std::nullopt;
}

std::vector<std::string_view> geo_field_names() {
  std::vector<std::string_view> out;
  for (const FieldNames& names : kFields) out.push_back(names.legacy);
  return out;
}

std::vector<Key> geo_field_path(GeoField field, bool is_ecs) {
  const FieldNames& names = names_of(field);
  if (!is_ecs) return {intern_key(names.legacy)};
  std::vector<Key> out;
  for (const std::string_view name : names.ecs)
    if (!name.empty()) out.push_back(intern_key(name));
  return out;
}

GeoDatabaseKind geo_database_kind(std::string_view type) {
  const auto names = [type](std::string_view part) { return type.find(part) != std::string_view::npos; };
  if (names("City")) return GeoDatabaseKind::City;
  if (names("Country")) return GeoDatabaseKind::Country;
  if (names("Domain")) return GeoDatabaseKind::Domain;
  if (names("ASN")) return GeoDatabaseKind::Asn;
  if (names("ISP")) return GeoDatabaseKind::Isp;
  if (names("Enterprise")) return GeoDatabaseKind::Enterprise;
  if (names("Anonymous-IP")) return GeoDatabaseKind::AnonymousIp;
  return GeoDatabaseKind::Unknown;
}

std::vector<GeoField> default_geo_fields(GeoDatabaseKind kind, bool is_ecs) {
  using F = GeoField;
  switch (kind) {
    case GeoDatabaseKind::City:
      return {F::CityName, F::CountryName, F::ContinentCode, F::CountryCode2, F::CountryCode3,
              F::Ip,       F::PostalCode,  F::DmaCode,       F::RegionName,   is_ecs ? F::RegionIsoCode : F::RegionCode,
              F::Timezone, F::Location,    F::Latitude,      F::Longitude};
    case GeoDatabaseKind::Country: return {F::CountryName, F::ContinentName, F::CountryCode2, F::Ip};
    case GeoDatabaseKind::Domain: return {F::Domain};
    case GeoDatabaseKind::Asn: return {F::AutonomousSystemNumber, F::AutonomousSystemOrganization, F::Ip};
    case GeoDatabaseKind::Isp:
      return {F::AutonomousSystemNumber, F::AutonomousSystemOrganization, F::Ip, F::Isp, F::Organization};
    case GeoDatabaseKind::Enterprise:
      return {F::CityName, F::CountryName, F::ContinentName, F::CountryCode2,
              F::Ip,       F::RegionName,  F::RegionIsoCode, F::Location};
    case GeoDatabaseKind::AnonymousIp:
      return {F::HostingProvider, F::TorExitNode, F::AnonymousVpn, F::Anonymous, F::PublicProxy, F::ResidentialProxy};
    case GeoDatabaseKind::Unknown: break;
  }
  return {};
}

bool GeoFacts::read(const GeoDatabase& database, GeoDatabaseKind kind, const GeoAddress& address,
                    std::span<const GeoField> fields) {
  facts.clear();
  const auto record = database.find(address);
  if (!record) return false;
  RecordReader reader(*record, kind == GeoDatabaseKind::Enterprise);
  const Value lat = reader.at("location", "latitude");
  const Value lon = reader.at("location", "longitude");
  // A City record without a place has little else; Logstash takes it as unknown.
  if (kind == GeoDatabaseKind::City && lat.is_null() && lon.is_null()) return false;
  const bool has_location = lat.is_double() && lon.is_double();
  latitude = lat.is_double() ? lat.as_double() : 0;
  longitude = lon.is_double() ? lon.as_double() : 0;

  for (std::size_t i = 0; i < fields.size(); ++i) {
    Value value;
    bool is_known = false;  // although it has no value
    switch (fields[i]) {
      case GeoField::AutonomousSystemNumber: value = reader.trait("autonomous_system_number"); break;
      case GeoField::AutonomousSystemOrganization: value = reader.trait("autonomous_system_organization"); break;
      case GeoField::CityName: value = reader.name_at("city"); break;
      case GeoField::CountryName: value = reader.name_at("country"); break;
      case GeoField::ContinentCode: value = reader.at("continent", "code"); break;
      case GeoField::ContinentName: value = reader.name_at("continent"); break;
      case GeoField::CountryCode2:
      case GeoField::CountryCode3: value = reader.at("country", "iso_code"); break;
      case GeoField::Domain: value = reader.trait("domain"); break;
      case GeoField::Ip: value = keep(owned[0], address.text()); break;
      case GeoField::Isp: value = reader.trait("isp"); break;
      case GeoField::PostalCode: value = reader.at("postal", "code"); break;
      case GeoField::DmaCode: value = reader.at("location", "metro_code"); break;
      case GeoField::RegionName: value = reader.region_name(); break;
      case GeoField::RegionCode: value = reader.region("iso_code"); break;
      case GeoField::RegionIsoCode: {
        const Value country = reader.at("country", "iso_code");
        const Value region = reader.region("iso_code");
        if (country.is_string() && region.is_string())
          value = keep(owned[2], std::string(country.as_string()) + "-" + std::string(region.as_string()));
        break;
      }
      case GeoField::Timezone: value = reader.at("location", "time_zone"); break;
      case GeoField::Location: is_known = has_location; break;
      case GeoField::Latitude: value = lat; break;
      case GeoField::Longitude: value = lon; break;
      case GeoField::Organization: value = reader.trait("organization"); break;
      case GeoField::Network: value = keep(owned[1], address.network_text(record->prefix_bits)); break;
      case GeoField::HostingProvider: value = reader.flag("is_hosting_provider"); break;
      case GeoField::TorExitNode: value = reader.flag("is_tor_exit_node"); break;
      case GeoField::AnonymousVpn: value = reader.flag("is_anonymous_vpn"); break;
      case GeoField::Anonymous: value = reader.flag("is_anonymous"); break;
      case GeoField::PublicProxy: value = reader.flag("is_public_proxy"); break;
      case GeoField::ResidentialProxy: value = reader.flag("is_residential_proxy"); break;
    }
    if (is_known || !value.is_null()) facts.push_back({static_cast<std::uint8_t>(i), value});
  }
  return !facts.empty();
}

}  // namespace logboom
