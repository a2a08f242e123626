#include "kernels/isa.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "base/error.h"
#include "support/skips.h"

namespace vernier {
namespace {

constexpr Isa kAll[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512};

// The kernel's own reading of CPUID and XGETBV.
std::set<std::string> linux_flags() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    std::set<std::string> flags;
    for (std::string word; words >> word;) flags.insert(word);
    return flags;
  }
  return {};
}

TEST(Isa, AgreesWithLinux) {
  const std::set<std::string> flags = linux_flags();
  if (flags.empty()) SKIP_MACHINE_LACKS("flags in /proc/cpuinfo");
  const auto has = [&](std::initializer_list<const char*> names) {
    for (const char* name : names)
      if (!flags.contains(name)) return false;
    return true;
  };
  const bool avx2 = has({"avx", "avx2", "fma", "f16c"});
  const bool avx512 = avx2 && has({"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vbmi"});
  EXPECT_TRUE(isa_supported(Isa::kScalar));
  EXPECT_EQ(isa_supported(Isa::kAvx2), avx2);
  EXPECT_EQ(isa_supported(Isa::kAvx512), avx512);
  EXPECT_EQ(bf16_supported(), avx512 && has({"avx512_bf16"}));
}

TEST(Isa, AutoTakesTheWidest) {
  const Isa chosen = choose_isa("auto");
  EXPECT_TRUE(isa_supported(chosen));
  for (const Isa isa : kAll) EXPECT_TRUE(!isa_supported(isa) || chosen >= isa) << isa_name(isa);
}

TEST(Isa, NamedSetIsTakenOrRefused) {
  for (const Isa isa : kAll) {
    if (isa_supported(isa)) {
      EXPECT_EQ(choose_isa(isa_name(isa)), isa);
      continue;
    }
    try {
      choose_isa(isa_name(isa));
      ADD_FAILURE() << isa_name(isa) << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_NE(error.message().find(isa_name(isa)), std::string::npos);
    }
  }
}

TEST(Isa, UnknownWordNamesTheNearest) {
  for (const std::string word : {"avx-512", "AVX2", "", "sse"}) {
    try {
      choose_isa(word);
      ADD_FAILURE() << word << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_NE(error.message().find("'" + word + "'"), std::string::npos) << error.message();
      EXPECT_NE(error.fix().find("auto, scalar, avx2, avx512"), std::string::npos) << error.fix();
    }
  }
  try {
    choose_isa("avx-512");
  } catch (const Error& error) {
    EXPECT_NE(error.fix().find("did you mean 'avx512'?"), std::string::npos) << error.fix();
  }
}

}  // namespace
}  // namespace vernier
