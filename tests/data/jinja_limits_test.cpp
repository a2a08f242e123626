// Hostile and broken templates end in an Error, in bounded time and memory, that names the place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <ctime>
#include <string>

#include "base/error.h"
#include "data/jinja/template.h"

namespace vernier::jinja {
namespace {

using testing::HasSubstr;

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::string outcome(const std::string& source, const Limits& limits = {}) {
  try {
    return Template(source, "t").render({}, system_clock(), limits).text;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return "Error " + error.message();
  }
}

long peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(JinjaLimits, RunawayTemplatesEnd) {
  const std::string loops = repeated("{% for a in range(100000) %}", 4) + repeated("{% endfor %}", 4);
  const std::string doubling = "{% set ns = namespace(x='ab') %}{% for i in range(90) %}";
  const std::vector<std::string> hostile = {
      "{% for i in range(10**9) %}{% endfor %}",
      loops,
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m() %}{% for i in [1] %}{{ caller() }}{% endfor %}{% endmacro %}"
      "{% macro k() %}{% call m() %}{{ k() }}{% endcall %}{% endmacro %}{{ k() }}",
      "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "{{ 'a' * 10**18 }}",
      "{{ ('a' * 10**6) * 10**6 }}",
      "{{ [0] * 10**12 }}",
      "{{ [[0] * 1000] * 10**9 }}",
      doubling + "{% set ns.x = ns.x + ns.x %}{% endfor %}",
      doubling + "{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
      doubling + "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
      doubling + "{% set ns.x = {'a': ns.x, 'b': ns.x} %}{% endfor %}{{ ns.x | tojson }}",
      doubling + "{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}",
      doubling + "{% set ns.x = ns.x | replace('', ns.x) %}{% endfor %}",
      doubling + "{% set ns.x = ns.x.join(ns.x) %}{% endfor %}",
      doubling + "{% set ns.x = '%s%s' % (ns.x, ns.x) %}{% endfor %}",
      doubling + "{% set ns.x = '{0}{0}'.format(ns.x) %}{% endfor %}",
      "{% set ns = namespace(x=0) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
      "{% set ns = namespace(g=[1]) %}{% for i in range(100000) %}{% set ns.g = ns.g | map('string') %}{% endfor %}"
      "{{ ns.g | list }}",
      "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns }}",
      "{{ '%99999999999d' % 1 }}",
      "{{ '%.999999999f' % 1.0 }}",
      "{{ '{:9999999999}'.format(1) }}",
      "{{ 'a'.center(10**15) }}",
      "{{ 'a' | indent(10**15) }}",
      "{{ ('a\\n' * 100000) | indent('x' * 100000) }}",
      "{{ [1, [2]] | tojson(indent='x' * 10**9) }}",
      "{{ 99999999999999999999 }}",
      "{{ 9223372036854775807 + 1 }}",
      "{{ 10**30 }}",
      "{{ -9223372036854775807 - 2 }}",
      "{{ (-9223372036854775807 - 1) // -1 }}",
      "{{ (-9223372036854775807 - 1) | abs }}",
      "{{ " + repeated("(", 100000) + "1" + repeated(")", 100000) + " }}",
      "{{ " + repeated("[", 100000) + repeated("]", 100000) + " }}",
      "{{ " + repeated("-", 100000) + "1 }}",
      "{{ " + repeated("not ", 100000) + "1 }}",
      "{{ 1" + repeated(" + 1", 100000) + " }}",
      "{{ 1" + repeated(" if 1 else 1", 100000) + " }}",
      "{{ x" + repeated(".y", 100000) + " }}",
      "{{ x" + repeated("|string", 100000) + " }}",
      repeated("{% if true %}", 100000),
      repeated("{% for a in b %}", 100000),
      "{% set " + repeated("(", 100000) + "a = 1 %}"};
  for (const std::string& source : hostile) {
    SCOPED_TRACE(source.substr(0, 120));
    EXPECT_THAT(outcome(source, {.steps = 1'000'000}).substr(0, 200), HasSubstr("Error t:1: "));
  }
}

TEST(JinjaLimits, TheDefaultBudgetBoundsTimeAndMemory) {
  const std::clock_t start = std::clock();
  EXPECT_THAT(outcome(repeated("{% for a in range(100000) %}", 2) + repeated("{% endfor %}", 2)), HasSubstr("steps"));
  EXPECT_THAT(
      outcome("{% set ns = namespace(x='ab') %}{% for i in range(90) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"),
      HasSubstr("steps"));
  EXPECT_THAT(outcome("{{ ([0] * 6000000) + [1] * 6000000 }}"), HasSubstr("steps"));
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 60);  // of processor time, under sanitizers
  // 10 million steps stand for 32 bytes each; the sanitizers' own memory comes on top.
  EXPECT_LT(peak_kib(), 2000L * 1024);
}

TEST(JinjaLimits, CyclesAreLetGo) {
  // The leak checker of the sanitizers tells.
  EXPECT_EQ(outcome("{% set ns = namespace(a=1) %}{% set ns.me = ns %}{% set ns.list = [ns] %}{{ ns.me.a }}"), "1");
  EXPECT_EQ(outcome("{% macro m() %}{{ m is defined }}{% endmacro %}{{ m() }}"), "True");
  EXPECT_EQ(outcome("{% for i in [1] %}{{ loop.changed(loop) }}{% endfor %}"), "True");
  EXPECT_EQ(
      outcome("{% set ns = namespace(c=none) %}{% macro m() %}{% set ns.c = caller %}{% endmacro %}"
              "{% for i in range(10000) %}{% set last = ns.c %}{% call m() %}{{ last }}{% endcall %}{% endfor %}x"),
      "x");
}

TEST(JinjaLimits, LargeButHonestTemplatesPass) {
  EXPECT_EQ(outcome("{% for i in range(100000) %}{% endfor %}x"), "x");
  EXPECT_EQ(outcome("{{ ('a' * 1000000) | length }}"), "1000000");
  EXPECT_EQ(outcome("{{ 1" + repeated(" + 1", 150) + " }}"), "151");
  EXPECT_EQ(outcome(repeated("{% if true %}", 60) + "x" + repeated("{% endif %}", 60)), "x");
  EXPECT_EQ(outcome("{% macro m(n) %}{{ n if n == 0 else m(n - 1) }}{% endmacro %}{{ m(40) }}"), "0");
}

TEST(JinjaLimits, BudgetAndDepthAreThoseGiven) {
  const std::string loop = "{% for i in range(1000) %}{{ i }}{% endfor %}";
  EXPECT_THAT(outcome(loop, {.steps = 1000}), HasSubstr("takes more than 1000 steps"));
  EXPECT_THAT(outcome("{{ ((((1 + 1) + 1) + 1) + 1) }}", {.depth = 4}), HasSubstr("nested deeper than 4"));
}

TEST(JinjaErrors, NameTemplateLineAndConstruct) {
  EXPECT_EQ(outcome("a\nb {{ nope.x }}"), "Error t:2: UndefinedError: 'nope' is undefined (in the attribute '.x')");
  EXPECT_EQ(outcome("\n{{ 1 +\n 'a' }}"),
            "Error t:2: TypeError: unsupported operand type(s) for +: 'int' and 'str' (in the operator '+')");
  EXPECT_EQ(outcome("{% if true %}\n{{ 5 | length }}{% endif %}"),
            "Error t:2: TypeError: object of type 'int' has no len() (in the filter 'length')");
  EXPECT_EQ(outcome("{{ 'a' is divisibleby 2 }}"),
            "Error t:1: TypeError: not all arguments converted during string formatting (in the test 'divisibleby')");
  EXPECT_EQ(outcome("\n\n{% for a, b in [1] %}{% endfor %}"),
            "Error t:3: TypeError: 'int' object is not iterable (in a for block)");
  EXPECT_EQ(outcome("{% set a, b = [1] %}"),
            "Error t:1: ValueError: expected 2 values to unpack, got 1 (in a set statement)");
  EXPECT_EQ(outcome("{% macro m(a) %}\n{{ a() }}{% endmacro %}\n{{ m(1) }}"),
            "Error t:2: TypeError: 'int' object is not callable (in the call of 'a')");
  EXPECT_EQ(outcome("{{ raise_exception('stop') }}"), "Error t:1: stop (in the call of 'raise_exception')");
  EXPECT_EQ(outcome("x\n{{ 1 | nope }}"), "Error t:2: no filter named 'nope'\n  correct the chat template");
  EXPECT_EQ(outcome("x\n\n{% endif %}"), "Error t:3: unknown tag 'endif'\n  correct the chat template");
  EXPECT_EQ(outcome("{% include 'x' %}"),
            "Error t:1: the tag 'include' is not supported in a chat template\n  correct the chat template");
}

}  // namespace
}  // namespace vernier::jinja
