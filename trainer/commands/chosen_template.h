#pragma once
// Which chat template a command puts conversations through: the one that is asked for, else the one that the adapter
// was trained with, else the tokenizer's.

#include <string>

#include "base/log.h"
#include "data/tokenizer.h"

namespace vernier {

// The setting for load_chat_template (data/chat_template.h). `asked` is such a setting too, empty when none is asked
// for; `adapter` is a directory, empty for a base alone. Says on the log which template it is, and warns when that
// cannot be, or is not, the one of the adapter's training.
std::string choose_chat_template(const std::string& asked, const std::string& adapter, const Tokenizer& tokenizer,
                                 const Log& log);

}  // namespace vernier
