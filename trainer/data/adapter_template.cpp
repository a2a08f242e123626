#include "data/adapter_template.h"

#include "base/hash.h"
#include "base/text.h"
#include "io/peft_files.h"

namespace vernier {

AdapterTemplate read_adapter_template(const std::string& adapter_dir, const std::string& tokenizer_template) {
  AdapterTemplate found{read_adapter_template_file(adapter_dir), ""};
  const auto record = read_quantization_record(adapter_dir);
  const std::string trained = record ? record->chat_template_sha256 : "";
  if (trained.empty() || sha256_hex(found.source.value_or(tokenizer_template)) == trained) return found;
  const std::string file = str(adapter_dir, "/", kAdapterTemplateName);
  found.doubt = found.source ? file + " is not the chat template that the adapter was trained with"
                             : "the adapter was trained with another chat template than the tokenizer's, and " + file +
                                   " is missing";
  return found;
}

}  // namespace vernier
