// Every case of tests/golden/jinja/cases.json, whose outputs come from Python's jinja2 (scripts/make_jinja.py).
#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/jinja/template.h"
#include "data/jinja/unicode.h"
#include "io/json.h"

namespace vernier::jinja {
namespace {

// 2024-07-26 13:05:09, a Friday, the 208th day.
std::tm golden_time() {
  std::tm time{};
  time.tm_year = 124;
  time.tm_mon = 6;
  time.tm_mday = 26;
  time.tm_hour = 13;
  time.tm_min = 5;
  time.tm_sec = 9;
  time.tm_wday = 5;
  time.tm_yday = 207;
  return time;
}

struct Outcome {
  bool raised = false;
  std::string text;  // or the error's message
  std::vector<Span> generations;
};

Outcome run(const std::string& source, const Variables& context) {
  try {
    const Rendering rendering = Template(source, "case").render(context, golden_time);
    return {false, rendering.text, rendering.generations};
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_EQ(error.where().rfind("case:", 0), 0U) << error.where();
    return {true, error.message(), {}};
  }
}

TEST(JinjaCases, AgreeWithPython) {
  const Json golden = read_json_file(VERNIER_SOURCE_DIR "/tests/golden/jinja/cases.json");
  Variables context;
  for (const auto& [name, value] : golden["context"].items()) context.emplace_back(name, from_json(value));
  ASSERT_GE(golden["cases"].size(), 250U);
  for (const Json& item : golden["cases"]) {
    const auto source = item["template"].get<std::string>();
    SCOPED_TRACE(source);
    const Outcome outcome = run(source, context);
    if (item.contains("error")) {
      EXPECT_TRUE(outcome.raised) << "Python raises " << item["error"] << ": " << item["message"] << "\nours prints "
                                  << outcome.text;
      if (item["error"] == "TemplateError") {
        EXPECT_NE(outcome.text.find(item["message"].get<std::string>()), std::string::npos) << outcome.text;
      }
      continue;
    }
    EXPECT_FALSE(outcome.raised) << outcome.text;
    EXPECT_EQ(outcome.text, item["output"].get<std::string>());
    std::vector<std::vector<std::size_t>> generations;
    for (const Span& span : outcome.generations) {
      generations.push_back({code_points(std::string_view(outcome.text).substr(0, span.start)),
                             code_points(std::string_view(outcome.text).substr(0, span.end))});
    }
    const Json expected = item.value("generations", Json::array());
    EXPECT_EQ(Json(generations), expected);
  }
}

}  // namespace
}  // namespace vernier::jinja
