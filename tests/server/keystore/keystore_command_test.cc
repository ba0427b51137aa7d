// The keystore as an operator uses it: the command, the file, and what configurations see of it.
#include "server/keystore/keystore_command.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "pipeline/base/redaction.h"
#include "server/keystore/keystore.h"
#include "tests/support/temporary_directory.h"

using Catch::Contains;

namespace logboom {
namespace {

/// The password variables as the test wants them, as they were afterwards.
class PasswordVariable {
 public:
  explicit PasswordVariable(const char* value, const char* name = "LOGBOOM_KEYSTORE_PASS") {
    for (const char* known : {"LOGBOOM_KEYSTORE_PASS", "LOGSTASH_KEYSTORE_PASS"}) unsetenv(known);
    if (value != nullptr) setenv(name, value, 1);
  }
  PasswordVariable(const PasswordVariable&) = delete;
  PasswordVariable& operator=(const PasswordVariable&) = delete;
  ~PasswordVariable() {
    for (const char* known : {"LOGBOOM_KEYSTORE_PASS", "LOGSTASH_KEYSTORE_PASS"}) unsetenv(known);
  }
};

struct Answer {
  int status;
  std::string out;
  std::string err;
};

class Settings {
 public:
  Answer run(std::vector<std::string> words, const std::string& input = "", bool is_terminal = false) {
    words.insert(words.begin(), {"--path.settings", directory.path()});
    std::istringstream in(input);
    std::ostringstream out, err;
    const int status = run_keystore_command(words, {in, out, err, is_terminal});
    return {status, out.str(), err.str()};
  }
  std::optional<std::string> value_of(const std::string& name) {
    auto variables = keystore_then_environment(directory.path());
    INFO((variables ? "" : variables.error().message));
    REQUIRE(variables);
    return (*variables)(name);
  }
  std::string path() const { return directory.at("logboom.keystore"); }
  std::string problem() {
    auto variables = keystore_then_environment(directory.path());
    return variables ? "" : variables.error().message;
  }
  TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("what was added is found under its name, whatever its case, and gone when removed", "[keystore]") {
  const PasswordVariable password("pass");
  Settings settings;
  REQUIRE(settings.run({"create"}).status == 0);
  REQUIRE(settings.run({"add", "ES_PWD", "--stdin"}, "s3cret value\n").status == 0);
  REQUIRE(settings.run({"add", "A", "b.c", "--stdin"}, "one\ntwo\n").status == 0);
  CHECK(settings.value_of("es_pwd") == "s3cret value");
  CHECK(settings.value_of("A") == "one");
  CHECK(settings.value_of("b.c") == "two");
  CHECK(settings.run({"list"}).out == "A\nb.c\nES_PWD\n");
  REQUIRE(settings.run({"remove", "a", "ES_PWD"}).status == 0);
  CHECK(settings.run({"list"}).out == "b.c\n");
  CHECK(settings.value_of("ES_PWD") == std::nullopt);
}

TEST_CASE("a value of several lines is kept whole", "[keystore]") {
  const PasswordVariable password(nullptr);
  Settings settings;
  settings.run({"create"});
  REQUIRE(settings.run({"add", "KEY", "--stdin"}, "-----BEGIN\nabc\n-----END\n").status == 0);
  CHECK(settings.value_of("KEY") == "-----BEGIN\nabc\n-----END");
}

TEST_CASE("the keystore goes before the environment, and the environment before the default", "[keystore]") {
  const PasswordVariable password(nullptr);
  Settings settings;
  settings.run({"create"});
  settings.run({"add", "KEYSTORE_TEST_BOTH"}, "kept");
  setenv("KEYSTORE_TEST_BOTH", "from outside", 1);
  setenv("KEYSTORE_TEST_OUTSIDE", "from outside", 1);
  CHECK(settings.value_of("KEYSTORE_TEST_BOTH") == "kept");
  CHECK(settings.value_of("KEYSTORE_TEST_OUTSIDE") == "from outside");
  CHECK(settings.value_of("KEYSTORE_TEST_NEITHER") == std::nullopt);
  unsetenv("KEYSTORE_TEST_BOTH");
  unsetenv("KEYSTORE_TEST_OUTSIDE");
}

TEST_CASE("without a keystore the environment alone counts", "[keystore]") {
  Settings settings;
  setenv("KEYSTORE_TEST_OUTSIDE", "x", 1);
  CHECK(settings.value_of("KEYSTORE_TEST_OUTSIDE") == "x");
  unsetenv("KEYSTORE_TEST_OUTSIDE");
}

TEST_CASE("the file is its owner's alone, and one that others may read is refused with the remedy", "[keystore]") {
  const PasswordVariable password(nullptr);
  Settings settings;
  settings.run({"create"});
  struct stat found {};
  REQUIRE(stat(settings.path().c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0600);
  for (const mode_t mode : {0640, 0604, 0620}) {
    chmod(settings.path().c_str(), mode);
    CHECK_THAT(settings.problem(), Contains("may be read by others") && Contains("chmod 600 " + settings.path()));
    CHECK(settings.run({"list"}).status == 1);
  }
}

TEST_CASE("neither names nor values stand in the file", "[keystore]") {
  const PasswordVariable password(nullptr);
  Settings settings;
  settings.run({"create"});
  settings.run({"add", "DATABASE_LOGIN"}, "correct horse");
  const std::string bytes = settings.directory.read("logboom.keystore");
  CHECK_THAT(bytes, !Contains("correct horse") && !Contains("DATABASE_LOGIN"));
}

TEST_CASE("a wrong or missing password is told, with what to do", "[keystore]") {
  Settings settings;
  {
    const PasswordVariable password("right", "LOGSTASH_KEYSTORE_PASS");  // Logstash's name works too
    REQUIRE(settings.run({"create"}).err == "");
    settings.run({"add", "A"}, "value");
    CHECK(settings.value_of("A") == "value");
  }
  {
    const PasswordVariable password("wrong");
    CHECK_THAT(settings.problem(), Contains("password is wrong") && Contains(settings.path()));
    CHECK_THAT(settings.run({"add", "B"}, "v").err, Contains("password is wrong"));
  }
  {
    const PasswordVariable password(nullptr);
    CHECK_THAT(settings.problem(), Contains("has a password") && Contains("LOGBOOM_KEYSTORE_PASS"));
  }
  const PasswordVariable password("");
  CHECK_THAT(settings.problem(), Contains("LOGBOOM_KEYSTORE_PASS is empty"));
}

TEST_CASE("a damaged keystore is told apart from a wrong password, wherever the damage is", "[keystore]") {
  const PasswordVariable password("right");
  Settings settings;
  settings.run({"create"});
  settings.run({"add", "A"}, "value");
  const std::string good = settings.directory.read("logboom.keystore");
  const auto problem_of = [&](const std::string& bytes) {
    settings.directory.write("logboom.keystore", bytes);
    return settings.problem();
  };
  for (std::size_t at = 12; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    CAPTURE(at);
    CHECK_THAT(problem_of(bad), Contains("is damaged"));
  }
  for (const std::size_t length : {std::size_t{12}, std::size_t{40}, good.size() - 1})
    CHECK_THAT(problem_of(good.substr(0, length)), Contains("is damaged"));
  CHECK_THAT(problem_of(good + "x"), Contains("is damaged"));
  for (const char* other : {"", "LBKEYSTORE", "PK\x03\x04 something else"})
    CHECK_THAT(problem_of(other), Contains("no keystore of Logboom"));
}

TEST_CASE("what is there is not replaced by mistake", "[keystore]") {
  const PasswordVariable password(nullptr);
  Settings settings;
  settings.run({"create"});
  settings.run({"add", "A"}, "first");
  CHECK_THAT(settings.run({"create"}).err, Contains("exists already; --force"));
  CHECK_THAT(settings.run({"add", "a", "--stdin"}, "second").err, Contains("a is there already; --force"));
  CHECK(settings.run({"add", "A"}, "n\nsecond\n", true).status == 1);
  CHECK(settings.value_of("A") == "first");
  CHECK(settings.run({"add", "A"}, "y\nsecond\n", true).status == 0);
  CHECK(settings.value_of("A") == "second");
  CHECK(settings.run({"add", "A", "--stdin", "--force"}, "third").status == 0);
  CHECK(settings.value_of("A") == "third");
  CHECK_THAT(settings.run({"remove", "A", "NO"}).err, Contains("has no NO; nothing was removed"));
  CHECK(settings.value_of("A") == "third");
}

TEST_CASE("wrong use is refused and says what is right", "[keystore]") {
  const PasswordVariable password(nullptr);
  const auto [words, input, status, told] = GENERATE(table<std::vector<std::string>, std::string, int, std::string>({
      {{"add", "1A"}, "v", 1, "\"1A\" cannot be a name"},
      {{"add", "A-B"}, "v", 1, "\"A-B\" cannot be a name"},
      {{"add", "${A}"}, "v", 1, "cannot be a name"},
      {{"add", "A"}, "", 1, "no value for A"},
      {{"add", "A", "B"}, "only one\n", 1, "no value for B"},
      {{"add"}, "", 2, "logboom keystore --help"},
      {{"rename", "A"}, "", 2, "logboom keystore --help"},
      {{}, "", 2, "logboom keystore --help"},
  }));
  Settings settings;
  settings.run({"create"});
  const Answer answer = settings.run(words, input);
  CHECK(answer.status == status);
  CHECK_THAT(answer.err, Contains(told));
  CHECK(settings.run({"list"}).out == "");  // not even a part was added
  Settings empty;
  CHECK_THAT(empty.run({"list"}).err, Contains("there is no keystore") && Contains("logboom keystore create"));
}

TEST_CASE("a keystore's values are hidden wherever text is printed", "[keystore]") {
  const PasswordVariable password(nullptr);
  Settings settings;
  settings.run({"create"});
  settings.run({"add", "A", "B", "--stdin"}, "hunter2\nhunter2-and-more\n");
  REQUIRE(settings.value_of("A") == "hunter2");
  CHECK(redacted("to http://u:hunter2-and-more@h and hunter2, hunter2") == "to http://u:***@h and ***, ***");
  CHECK(redacted("nothing") == "nothing");
  hide_secrets({});
  CHECK(redacted("hunter2") == "hunter2");
}

}  // namespace logboom
