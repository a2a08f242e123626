// The template beside an adapter, and what its hash in vernier.json says about it.
#include "data/adapter_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "data/dataset_fixture.h"
#include "io/peft_files.h"

namespace vernier {
namespace {

using testing::HasSubstr;

class AdapterTemplateFiles : public testing::Test {
 protected:
  // Of an adapter that was trained with `trained`; empty: with none.
  void record(const std::string& trained) {
    QuantizationRecord record;
    if (!trained.empty()) record.chat_template_sha256 = sha256_hex(trained);
    folder_.write(kQuantizationRecordName, quantization_record_json(record));
  }
  AdapterTemplate read(const std::string& tokenizers) { return read_adapter_template(folder_.path("."), tokenizers); }

  DataFolder folder_;
};

TEST_F(AdapterTemplateFiles, TheFileOfTheTraining) {
  folder_.write(kAdapterTemplateName, "{{ a }}\n");
  record("{{ a }}\n");
  EXPECT_EQ(read("{{ other }}").source, "{{ a }}\n");
  EXPECT_EQ(read("{{ other }}").doubt, "");
}

TEST_F(AdapterTemplateFiles, AnotherFileIsDoubted) {
  folder_.write(kAdapterTemplateName, "{{ b }}");
  record("{{ a }}");
  EXPECT_EQ(read("{{ a }}").source, "{{ b }}");
  EXPECT_THAT(read("{{ a }}").doubt, HasSubstr("is not the chat template that the adapter was trained with"));
}

TEST_F(AdapterTemplateFiles, WithoutAFileTheTokenizersStandsInForIt) {
  record("{{ a }}");
  EXPECT_EQ(read("{{ a }}").source, std::nullopt);
  EXPECT_EQ(read("{{ a }}").doubt, "");
  EXPECT_THAT(read("{{ b }}").doubt, HasSubstr("another chat template than the tokenizer's"));
}

TEST_F(AdapterTemplateFiles, AdaptersWithoutConversationsOrRecordAreNotDoubted) {
  EXPECT_EQ(read("{{ a }}").doubt, "");
  record("");
  EXPECT_EQ(read("{{ a }}").doubt, "");
  folder_.write(kAdapterTemplateName, "{{ theirs }}");
  EXPECT_EQ(read("{{ a }}").source, "{{ theirs }}");
  EXPECT_EQ(read("{{ a }}").doubt, "");
}

}  // namespace
}  // namespace vernier
