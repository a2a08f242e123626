#pragma once
// The chat template that an adapter's training rows went through, as it lies beside the adapter.

#include <optional>
#include <string>

namespace vernier {

struct AdapterTemplate {
  std::optional<std::string> source;  // of DIR/chat_template.jinja
  // Why it may not be the template of the training, for a warning; empty when nothing speaks against it.
  std::string doubt;
};

// Compares the file with the hash in vernier.json, and where there is no file `tokenizer_template`, which will stand in
// for it. Error(kInput) when a file of the adapter cannot be read.
AdapterTemplate read_adapter_template(const std::string& adapter_dir, const std::string& tokenizer_template);

}  // namespace vernier
