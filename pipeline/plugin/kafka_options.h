// The options that Kafka's input and output share, under Logstash's names, and what librdkafka calls them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/net/kafka_config.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/options.h"

namespace logboom {

/// The options struct of such a plugin derives from this.
struct KafkaClientOptions {
  std::string bootstrap_servers = "localhost:9092";
  std::string client_id = "logstash";
  std::string client_dns_lookup = "use_all_dns_ips";
  std::uint64_t connections_max_idle_ms = 540'000;
  std::uint64_t metadata_max_age_ms = 300'000;
  std::uint64_t reconnect_backoff_ms = 50;
  std::uint64_t reconnect_backoff_max_ms = 1000;
  std::uint64_t retry_backoff_ms = 100;
  std::uint64_t request_timeout_ms = 40'000;
  std::uint64_t receive_buffer_bytes = 32'768;
  std::uint64_t send_buffer_bytes = 131'072;
  std::string security_protocol = "PLAINTEXT";
  std::string sasl_mechanism = "GSSAPI";
  std::optional<Secret> sasl_jaas_config;
  std::optional<std::string> jaas_path;
  std::optional<std::string> sasl_kerberos_service_name;
  std::optional<std::string> sasl_oauthbearer_token_endpoint_url;
  std::string ssl_endpoint_identification_algorithm = "https";
  std::optional<std::string> ssl_truststore_location;
  std::string ssl_truststore_type = "JKS";
  std::optional<std::string> ssl_keystore_location;
  std::string ssl_keystore_type = "JKS";
  std::optional<Secret> ssl_keystore_password;
  std::optional<Secret> ssl_key_password;
  TextHash rdkafka;
};

/// Declares them in a table whose options struct derives from KafkaClientOptions.
template <class Options>
void declare_kafka_client_options(OptionTable<Options>& table) {
  const auto of = [](auto KafkaClientOptions::*member) {
    using Member = std::remove_reference_t<decltype(std::declval<KafkaClientOptions&>().*member)>;
    return static_cast<Member Options::*>(member);
  };
  using O = KafkaClientOptions;
  table.optional("bootstrap_servers", of(&O::bootstrap_servers), "Brokers to ask for the others: host:port,host:port.");
  table.optional("client_id", of(&O::client_id), "Name of this client in the brokers' logs and quotas.");
  table.optional("client_dns_lookup", of(&O::client_dns_lookup), "Accepted for compatibility: all addresses of a name are tried.")
      .one_of({"use_all_dns_ips", "resolve_canonical_bootstrap_servers_only", "default"});
  table.optional("connections_max_idle_ms", of(&O::connections_max_idle_ms),
                 "Closes connections that are idle for so long.");
  table.optional("metadata_max_age_ms", of(&O::metadata_max_age_ms), "How often topics and partitions are asked for.")
      .at_least(1);
  table.optional("reconnect_backoff_ms", of(&O::reconnect_backoff_ms), "First pause before a broker is tried again.");
  table.optional("reconnect_backoff_max_ms", of(&O::reconnect_backoff_max_ms), "Longest pause.");
  table.optional("retry_backoff_ms", of(&O::retry_backoff_ms), "Pause before a request is tried again.").at_least(1);
  table.optional("request_timeout_ms", of(&O::request_timeout_ms), "Longest wait for a broker's answer.").at_least(10);
  table.optional("receive_buffer_bytes", of(&O::receive_buffer_bytes), "Receive buffer of sockets.");
  table.optional("send_buffer_bytes", of(&O::send_buffer_bytes), "Send buffer of sockets.");
  table.optional("security_protocol", of(&O::security_protocol), "How brokers are spoken to.")
      .one_of({"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"});
  table.optional("sasl_mechanism", of(&O::sasl_mechanism), "GSSAPI, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER.");
  table.optional("sasl_jaas_config", of(&O::sasl_jaas_config),
                 "Login as Java writes it; user and password are read from it: … required username=\"u\" password=\"p\";");
  table.optional("jaas_path", of(&O::jaas_path), "File with the same.").must_exist();
  table.optional("sasl_kerberos_service_name", of(&O::sasl_kerberos_service_name), "Kerberos name of the brokers.");
  table.optional("sasl_oauthbearer_token_endpoint_url", of(&O::sasl_oauthbearer_token_endpoint_url),
                 "Where tokens are to be had (OAUTHBEARER); client id and secret come from sasl_jaas_config.");
  table.optional("ssl_endpoint_identification_algorithm", of(&O::ssl_endpoint_identification_algorithm),
                 "https: the name in the broker's certificate is checked; empty: it is not.");
  table.optional("ssl_truststore_location", of(&O::ssl_truststore_location), "PEM file with the authorities to trust.")
      .must_exist();
  table.optional("ssl_truststore_type", of(&O::ssl_truststore_type), "PEM. Java's JKS cannot be read.")
      .one_of({"JKS", "PKCS12", "PEM"});
  table.optional("ssl_keystore_location", of(&O::ssl_keystore_location), "Our certificate and key, PEM or PKCS12.")
      .must_exist();
  table.optional("ssl_keystore_type", of(&O::ssl_keystore_type), "PEM or PKCS12. Java's JKS cannot be read.")
      .one_of({"JKS", "PKCS12", "PEM"});
  table.optional("ssl_keystore_password", of(&O::ssl_keystore_password), "Password of the PKCS12 file.");
  table.optional("ssl_key_password", of(&O::ssl_key_password), "Passphrase of the key in the PEM file.");
  table.optional("rdkafka", of(&O::rdkafka), "Any property of librdkafka by its own name; wins over the other options.");
  table.obsolete("ssl_truststore_password", "PEM files have none");
  table.obsolete("kerberos_config", "set the environment variable KRB5_CONFIG");
  table.obsolete("sasl_client_callback_handler_class", "Java classes cannot be loaded");
  table.obsolete("sasl_login_callback_handler_class", "Java classes cannot be loaded");
  table.obsolete("sasl_iam_jar_paths", "Java classes cannot be loaded");
}

/// What the shared options mean to librdkafka. Reports what cannot be done at its option.
std::vector<KafkaProperty> kafka_client_properties(const KafkaClientOptions& options, const PluginContext& context);

/// A configuration of all properties, `rdkafka` last; every one that is refused is reported at its option.
KafkaConfig make_kafka_config(const std::vector<KafkaProperty>& properties, const TextHash& own,
                              const PluginContext& context);

/// The value of name="value" in a JAAS login; empty when it is not there.
std::string jaas_value(std::string_view login, std::string_view name);

/// What a person should do about an error's text; empty when there is nothing to say.
std::string_view kafka_remedy(std::string_view error);

}  // namespace logboom
