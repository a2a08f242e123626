#include "commands/chosen_template.h"

#include "base/text.h"
#include "data/adapter_template.h"
#include "data/chat_template.h"
#include "io/peft_files.h"

namespace vernier {

namespace {

constexpr const char* kTokenizers = "tokenizer_default";

std::string shown(const std::string& setting) {
  return setting == kTokenizers ? "the tokenizer's" : setting;
}

}  // namespace

std::string choose_chat_template(const std::string& asked, const std::string& adapter, const Tokenizer& tokenizer,
                                 const Log& log) {
  const AdapterTemplate trained =
      adapter.empty() ? AdapterTemplate{} : read_adapter_template(adapter, tokenizer.chat_template());
  const std::string beside = str(adapter, "/", kAdapterTemplateName);
  if (!asked.empty()) {
    const bool other = trained.source && load_chat_template(asked, tokenizer).source() != *trained.source;
    log.info(str("chat template ", shown(asked)));
    if (other) log.warning(str("the adapter was trained with another chat template, ", beside));
    return asked;
  }
  if (!trained.doubt.empty()) log.warning(trained.doubt);
  log.info(trained.source ? str("chat template ", beside, ", the adapter's")
                          : str("chat template ", shown(kTokenizers)));
  return trained.source ? beside : kTokenizers;
}

}  // namespace vernier
