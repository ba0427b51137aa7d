// What to do about HTTP requests that failed, for a person.
#pragma once

#include <string>
#include <string_view>

namespace logboom {

/// What to do about a connection that could not be made, by what the client said of it; empty when there is nothing to say.
std::string_view remedy_of_connection(std::string_view error);

/// "https://host:9200: certificate has expired; renew the server's certificate".
std::string explain_connection(std::string_view url, std::string_view error);

/// True when an answer is a page for people, whatever its media type says.
bool is_html(std::string_view content_type, std::string_view body);

/// The beginning of an answer's body on one line, for a message.
std::string shown_body(std::string_view body);

}  // namespace logboom
