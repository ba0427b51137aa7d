#include "pipeline/plugin/kafka_options.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace logboom {
namespace {

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string librdkafka_protocol(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return name;
}

void add_sasl(const KafkaClientOptions& options, const PluginContext& context, std::vector<KafkaProperty>& made) {
  made.push_back({"sasl.mechanism", options.sasl_mechanism, "sasl_mechanism"});
  const std::string login = options.sasl_jaas_config ? options.sasl_jaas_config->value
                            : options.jaas_path      ? text_of(*options.jaas_path)
                                                     : std::string();
  const char* const source = options.sasl_jaas_config ? "sasl_jaas_config" : "jaas_path";
  const bool wants_user = options.sasl_mechanism == "PLAIN" || options.sasl_mechanism.rfind("SCRAM-", 0) == 0;
  if (wants_user) {
    const std::string user = jaas_value(login, "username");
    if (user.empty()) {
      context.error(login.empty() ? "sasl_mechanism" : source,
                    fmt::format("sasl_mechanism: {} needs a user", options.sasl_mechanism),
                    "sasl_jaas_config => 'org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" "
                    "password=\"p\";'");
      return;
    }
    made.push_back({"sasl.username", user, source});
    made.push_back({"sasl.password", jaas_value(login, "password"), source});
  } else if (options.sasl_mechanism == "OAUTHBEARER") {
    if (!options.sasl_oauthbearer_token_endpoint_url) {
      context.error("sasl_mechanism", "sasl_mechanism: OAUTHBEARER needs sasl_oauthbearer_token_endpoint_url");
      return;
    }
    made.push_back({"sasl.oauthbearer.method", "oidc", "sasl_mechanism"});
    made.push_back({"sasl.oauthbearer.token.endpoint.url", *options.sasl_oauthbearer_token_endpoint_url,
                    "sasl_oauthbearer_token_endpoint_url"});
    made.push_back({"sasl.oauthbearer.client.id", jaas_value(login, "clientId"), source});
    made.push_back({"sasl.oauthbearer.client.secret", jaas_value(login, "clientSecret"), source});
    if (const std::string scope = jaas_value(login, "scope"); !scope.empty())
      made.push_back({"sasl.oauthbearer.scope", scope, source});
  } else {
    if (options.sasl_kerberos_service_name)
      made.push_back({"sasl.kerberos.service.name", *options.sasl_kerberos_service_name, "sasl_kerberos_service_name"});
    if (const std::string principal = jaas_value(login, "principal"); !principal.empty())
      made.push_back({"sasl.kerberos.principal", principal, source});
    if (const std::string keytab = jaas_value(login, "keyTab"); !keytab.empty())
      made.push_back({"sasl.kerberos.keytab", keytab, source});
  }
}

void add_tls(const KafkaClientOptions& options, const PluginContext& context, std::vector<KafkaProperty>& made) {
  made.push_back(
      {"ssl.endpoint.identification.algorithm",
       options.ssl_endpoint_identification_algorithm.empty() ? "none" : options.ssl_endpoint_identification_algorithm,
       "ssl_endpoint_identification_algorithm"});
  if (options.ssl_truststore_location) {
    if (options.ssl_truststore_type != "PEM")
      context.error(context.written("ssl_truststore_type") != nullptr ? "ssl_truststore_type" : "ssl_truststore_location",
                    fmt::format("ssl_truststore_location: {} stores cannot be read", options.ssl_truststore_type),
                    "export the certificates (keytool -exportcert -rfc) to a PEM file and set ssl_truststore_type => PEM");
    made.push_back({"ssl.ca.location", *options.ssl_truststore_location, "ssl_truststore_location"});
  }
  if (!options.ssl_keystore_location) return;
  if (options.ssl_keystore_type == "PKCS12") {
    made.push_back({"ssl.keystore.location", *options.ssl_keystore_location, "ssl_keystore_location"});
    if (options.ssl_keystore_password)
      made.push_back({"ssl.keystore.password", options.ssl_keystore_password->value, "ssl_keystore_password"});
  } else if (options.ssl_keystore_type == "PEM") {
    made.push_back({"ssl.certificate.location", *options.ssl_keystore_location, "ssl_keystore_location"});
    made.push_back({"ssl.key.location", *options.ssl_keystore_location, "ssl_keystore_location"});
    if (options.ssl_key_password) made.push_back({"ssl.key.password", options.ssl_key_password->value, "ssl_key_password"});
  } else {
    context.error(context.written("ssl_keystore_type") != nullptr ? "ssl_keystore_type" : "ssl_keystore_location",
                  "ssl_keystore_location: JKS stores cannot be read",
                  "keytool -importkeystore -deststoretype PKCS12 makes one of PKCS12; set ssl_keystore_type => PKCS12");
  }
}

}  // namespace

std::string jaas_value(std::string_view login, std::string_view name) {
  for (std::size_t at = login.find(name); at != std::string_view::npos; at = login.find(name, at + 1)) {
    if (at > 0 && is_word_byte(login[at - 1])) continue;
    std::size_t from = at + name.size();
    while (from < login.size() && login[from] == ' ') ++from;
    if (from >= login.size() || login[from] != '=') continue;
    ++from;
    while (from < login.size() && login[from] == ' ') ++from;
    if (from >= login.size()) return {};
    const char quote = login[from];
    if (quote != '"' && quote != '\'') {
      const std::size_t end = std::min(login.find_first_of(" ;\t\r\n", from), login.size());
      return std::string(login.substr(from, end - from));
    }
    std::string value;
    for (std::size_t i = from + 1; i < login.size() && login[i] != quote; ++i) {
      if (login[i] == '\\' && i + 1 < login.size()) ++i;
      value += login[i];
    }
    return value;
  }
  return {};
}

std::vector<KafkaProperty> kafka_client_properties(const KafkaClientOptions& options, const PluginContext& context) {
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  std::vector<KafkaProperty> made = {
      {"bootstrap.servers", options.bootstrap_servers, "bootstrap_servers"},
      {"connections.max.idle.ms", number(options.connections_max_idle_ms), "connections_max_idle_ms"},
      {"metadata.max.age.ms", number(options.metadata_max_age_ms), "metadata_max_age_ms"},
      {"reconnect.backoff.ms", number(options.reconnect_backoff_ms), "reconnect_backoff_ms"},
      {"reconnect.backoff.max.ms", number(options.reconnect_backoff_max_ms), "reconnect_backoff_max_ms"},
      {"retry.backoff.ms", number(options.retry_backoff_ms), "retry_backoff_ms"},
      {"socket.timeout.ms", number(options.request_timeout_ms), "request_timeout_ms"},
      {"security.protocol", librdkafka_protocol(options.security_protocol), "security_protocol"},
      {"log.connection.close", "false", "bootstrap_servers"},
  };
  // Java's default sizes are smaller than what the kernel would choose by itself: only what was asked for is set.
  if (context.written("receive_buffer_bytes") != nullptr)
    made.push_back({"socket.receive.buffer.bytes", number(options.receive_buffer_bytes), "receive_buffer_bytes"});
  if (context.written("send_buffer_bytes") != nullptr)
    made.push_back({"socket.send.buffer.bytes", number(options.send_buffer_bytes), "send_buffer_bytes"});
  if (options.bootstrap_servers.empty()) context.error("bootstrap_servers", "bootstrap_servers: names no broker");
  if (options.security_protocol.rfind("SASL_", 0) == 0) add_sasl(options, context, made);
  if (options.security_protocol == "SSL" || options.security_protocol == "SASL_SSL") add_tls(options, context, made);
  return made;
}

KafkaConfig make_kafka_config(const std::vector<KafkaProperty>& properties, const TextHash& own,
                              const PluginContext& context) {
  KafkaConfig config;
  for (const KafkaProperty& property : properties)
    if (auto done = config.set(property.name, property.value); !done)
      context.error(property.option, fmt::format("{}: {}", property.option, done.error().message));
  for (const auto& [name, value] : own)
    if (auto done = config.set(name, value); !done)
      context.error("rdkafka", fmt::format("rdkafka: {}: {}", name, done.error().message),
                    "names and values are those of librdkafka's CONFIGURATION.md");
  return config;
}

std::string_view kafka_remedy(std::string_view error) {
  const auto says = [&](std::string_view what) { return error.find(what) != std::string_view::npos; };
  if (says("Unknown topic")) return "create the topic, or check its name";
  if (says("Topic authorization")) return "the user has no right to the topic: add an ACL";
  if (says("Group authorization")) return "the user has no right to the group: add an ACL";
  if (says("SASL") || says("uthentication")) return "check sasl_mechanism, user and password";
  if (says("certificate verify failed"))
    return "trust the broker's authority with ssl_truststore_location, and check its certificate's name and dates";
  if (says("SSL")) return "check security_protocol and certificates";
  if (says("resolve")) return "check the host names in bootstrap_servers, and those that brokers advertise";
  if (says("refused") || says("brokers are down")) return "are the brokers running, and is bootstrap_servers right?";
  if (says("Message size") || says("too large"))
    return "raise max_request_size here and message.max.bytes of the topic, or make the event smaller";
  return {};
}

}  // namespace logboom
